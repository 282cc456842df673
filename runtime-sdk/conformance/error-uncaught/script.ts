import { output } from "@cronium/sdk";

await output("never stored");
