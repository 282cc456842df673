import { toolAction, UnknownActionError } from "@cronium/sdk";

const result = await toolAction("echo", { text: "ü }", list: [1, { a: null }] });
const nothing = await toolAction("echo");
try {
  await toolAction("make coffee");
} catch (error) {
  console.log(JSON.stringify([result, nothing, error instanceof UnknownActionError ? error.code : String(error)]));
}
