import { input } from "@cronium/sdk";

const before = process.env["CRONIUM_TOKEN"];
const value = await input();
console.log(JSON.stringify([value, process.env["CRONIUM_TOKEN"] === before ? "kept" : "renewed"]));
