/** An authenticator in software: what a browser with a passkey would send, and what it would not. */
import { createHash } from "node:crypto";

export interface Ceremony {
  readonly challenge: string;
  readonly origin: string;
  readonly rpId: string;
  /** Default: as the ceremony asks. */
  readonly type?: string;
  readonly userVerified?: boolean;
}

const b64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64url");
const sha256 = (bytes: Uint8Array | string): Buffer => createHash("sha256").update(bytes).digest();

export class Authenticator {
  readonly id = b64(crypto.getRandomValues(new Uint8Array(32)));
  readonly #keys: CryptoKeyPair;
  #counter = 0;
  userHandle = "";

  private constructor(keys: CryptoKeyPair) {
    this.#keys = keys;
  }

  static async make(): Promise<Authenticator> {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    return new Authenticator((await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair);
  }

  /** As somebody would have it who copied it now. */
  copy(): Authenticator {
    const clone = new Authenticator(this.#keys);
    clone.#counter = this.#counter;
    clone.userHandle = this.userHandle;
    return Object.assign(clone, { id: this.id });
  }

  #authData({ rpId, userVerified = true }: Ceremony, credential: Uint8Array): Buffer {
    const flags = 0x01 | (userVerified ? 0x04 : 0) | (credential.length > 0 ? 0x40 : 0);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE((this.#counter += 1));
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, credential]);
  }

  async create(ceremony: Ceremony): Promise<object> {
    const raw = new Uint8Array((await crypto.subtle.exportKey("raw", this.#keys.publicKey)) as ArrayBuffer);
    // A COSE key: EC2, ES256, P-256, x, y.
    const cose = Buffer.concat([
      Buffer.from("a5010203262001215820", "hex"),
      raw.subarray(1, 33),
      Buffer.from("225820", "hex"),
      raw.subarray(33),
    ]);
    const id = Buffer.from(this.id, "base64url");
    const credential = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cose]);
    const authData = this.#authData(ceremony, credential);
    const length = Buffer.from([0x58, authData.length]);
    // {"fmt": "none", "attStmt": {}, "authData": …}
    const head = Buffer.from("a363666d74646e6f6e656761747453746d74a0686175746844617461", "hex");
    const response = {
      clientDataJSON: clientData("webauthn.create", ceremony),
      attestationObject: b64(Buffer.concat([head, length, authData])),
      transports: ["internal"],
    };
    return { id: this.id, rawId: this.id, type: "public-key", response };
  }

  async get(ceremony: Ceremony): Promise<object> {
    const authData = this.#authData(ceremony, new Uint8Array());
    const client = clientData("webauthn.get", ceremony);
    const signed = Buffer.concat([authData, sha256(Buffer.from(client, "base64url"))]);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const signature = new Uint8Array(await crypto.subtle.sign(algorithm, this.#keys.privateKey, signed));
    const response = {
      clientDataJSON: client,
      authenticatorData: b64(authData),
      signature: b64(der(signature)),
      ...(this.userHandle === "" ? {} : { userHandle: this.userHandle }),
    };
    return { id: this.id, rawId: this.id, type: "public-key", response };
  }
}

function clientData(type: string, ceremony: Ceremony): string {
  const { challenge, origin } = ceremony;
  return b64(JSON.stringify({ type: ceremony.type ?? type, challenge, origin, crossOrigin: false }));
}

/** Two numbers of 32 bytes as ASN.1. */
function der(raw: Uint8Array): Buffer {
  const integer = (bytes: Uint8Array): Buffer => {
    const first = bytes.findIndex((byte) => byte !== 0);
    const trimmed = Buffer.from(bytes.subarray(Math.max(0, first)));
    const body = (trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed;
    return Buffer.concat([Buffer.from([0x02, body.length]), body]);
  };
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
