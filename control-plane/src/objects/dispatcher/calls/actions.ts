/** Tool actions: a closed list of what a job may have done for it by the control plane. */
import { toolActions } from "@cronium/protocol/calls";
import type { CallOp } from "@cronium/protocol";
import type { CallAnswer } from "../../../domain/calls.ts";

export function runAction({ action, params }: Extract<CallOp, { do: "action" }>): CallAnswer {
  const known = toolActions.find((name) => name === action);
  switch (known) {
    case "echo":
      return { result: { result: params } };
    case undefined: {
      const message = `There is no tool action ${JSON.stringify(action.slice(0, 80))}. There is: ${toolActions.join(", ")}.`;
      return { error: { code: "unknown_action", message } };
    }
    default:
      return known satisfies never;
  }
}
