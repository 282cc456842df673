import { deleteVariable, getVariable, getVariableWithVersion, setVariable, VersionConflictError } from "@cronium/sdk";

async function code(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => (error instanceof VersionConflictError ? error.code : error));
}

const before = await getVariableWithVersion("N");
await setVariable("N", 1, { ifVersion: 0 });
const again = await code(setVariable("N", 7, { ifVersion: 0 }));
const { value, version } = await getVariableWithVersion<number>("N");
await setVariable("N", value + 1, { ifVersion: version });
const late = await code(deleteVariable("N", { ifVersion: version }));
console.log(JSON.stringify([before.version, version, again, late, await getVariable("N")]));
