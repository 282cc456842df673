import { logGroup } from "@cronium/sdk";

try {
  await logGroup("Load\nthe data", () => {
    console.log("row 1");
    throw new Error("bad row");
  });
} catch {
  console.log("after");
}
