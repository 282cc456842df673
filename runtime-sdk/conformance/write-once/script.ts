import { getVariableWithVersion, setVariable } from "@cronium/sdk";

await setVariable("COUNT", 1);
console.log((await getVariableWithVersion("COUNT")).version);
