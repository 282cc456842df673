/**
 * The few globals of the runtime that the code under test reaches for: waiting, and signatures. Waiting becomes virtual,
 * and a signature is a hash, whose check takes virtual time, so that anything may happen during it.
 */
import { createHash } from "node:crypto";

export interface Platform {
  /** Waits of the Dispatcher's current instance; never resolves once that instance is gone. */
  wait(ms: number): Promise<void>;
}

const SIGNATURE_CHECK_MS = 3;

let current: Platform | null = null;

function platform(): Platform {
  if (current === null) {
    throw new Error("No simulation is running.");
  }
  return current;
}

/** With what libraries look at before they use a key. */
interface FakeKey {
  readonly raw: Uint8Array;
  readonly algorithm: unknown;
  readonly usages: readonly string[];
  readonly [Symbol.toStringTag]: "CryptoKey";
}

/** What stands for an Ed25519 signature here. */
export function signatureOf(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  return createHash("sha512").update(publicKey).update(message).digest();
}

const subtle = {
  importKey: async (_format: string, raw: Uint8Array): Promise<FakeKey> => ({
    raw,
    algorithm: { name: "HMAC", hash: { name: "SHA-256" } },
    usages: ["sign", "verify"],
    [Symbol.toStringTag]: "CryptoKey",
  }),
  /** Execution tokens of the runner: only their presence matters here. */
  sign: async (): Promise<ArrayBuffer> => new ArrayBuffer(32),
  verify: async (_name: string, key: FakeKey, signature: Uint8Array, message: Uint8Array): Promise<boolean> => {
    await platform().wait(SIGNATURE_CHECK_MS);
    return Buffer.from(signature).equals(signatureOf(key.raw, message));
  },
};

/** Lets `host` stand for the runtime until the returned function is called. One simulation runs at a time. */
export function install(host: Platform): () => void {
  if (current !== null) {
    throw new Error("A simulation is running already in this process.");
  }
  current = host;
  const saved = ["crypto", "scheduler"].map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  const real = crypto;
  Object.defineProperty(globalThis, "crypto", {
    configurable: true,
    value: { subtle, getRandomValues: real.getRandomValues.bind(real), randomUUID: real.randomUUID.bind(real) },
  });
  Object.defineProperty(globalThis, "scheduler", {
    configurable: true,
    value: { wait: (ms: number) => platform().wait(ms) },
  });
  return () => {
    current = null;
    for (const [name, descriptor] of saved) {
      if (descriptor === undefined) {
        Reflect.deleteProperty(globalThis, name);
      } else {
        Object.defineProperty(globalThis, name, descriptor);
      }
    }
  };
}
