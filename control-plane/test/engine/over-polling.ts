/** Imported before test files, it has their runners poll: the same stories, told over the other transport. */
import { link } from "./fake-runner.ts";

link.transport = "polling";
