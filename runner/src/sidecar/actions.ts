/** Tool actions: forwarded to the control plane, which holds what they need. */
import { ActionDone, MAX_VARIABLE_BYTES, ToolActionBody } from "@cronium/protocol";
import { type Call, demand, readFields, sendText } from "./call.ts";

export async function postToolAction(call: Call): Promise<void> {
  const { name: action, response } = call;
  const { params } = await readFields(call, ToolActionBody, MAX_VARIABLE_BYTES);
  const done = await demand(call, ActionDone, {
    do: "action",
    action: action.slice(0, 128),
    params: JSON.stringify(params),
  });
  sendText(response, 200, `{"result":${done.result}}`, "application/json");
}
