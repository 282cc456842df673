import type { Runtime } from "@cronium/protocol/event";

/** Runtimes under the names people know them by. */
export const runtimes = [
  { value: "python", label: "Python" },
  { value: "node", label: "Node (JavaScript, TypeScript)" },
  { value: "bash", label: "Bash" },
] as const satisfies readonly { readonly value: Runtime; readonly label: string }[];
