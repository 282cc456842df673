// Imported by a slot that waits: afterwards the SDK and Node's remover of types are loaded.
import "@cronium/sdk";

export const warm: boolean = true;
