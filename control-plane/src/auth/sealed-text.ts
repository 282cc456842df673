/**
 * Short texts that D1 must not hold in clear: encrypted under a key derived from AUTH_SECRET (XChaCha20-Poly1305, by
 * better-auth). Another AUTH_SECRET leaves them unreadable.
 */
import { symmetricDecrypt, symmetricEncrypt } from "better-auth/crypto";

export interface TextSealer {
  seal(text: string): Promise<string>;
  /** Null when it was sealed under another secret, or changed. */
  open(sealed: string): Promise<string | null>;
}

export function textSealer(authSecret: string): TextSealer {
  return {
    seal: (text) => symmetricEncrypt({ key: authSecret, data: text }),
    async open(sealed) {
      try {
        return await symmetricDecrypt({ key: authSecret, data: sealed });
      } catch {
        return null;
      }
    },
  };
}
