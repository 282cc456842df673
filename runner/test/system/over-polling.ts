/** Imported before test files, it makes every network refuse WebSockets: the same faults, over the other transport. */
import { NO_FAULTS } from "./tcp-proxy.ts";

NO_FAULTS.refuseUpgrade = 403;
