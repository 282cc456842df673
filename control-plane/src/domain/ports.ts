/** Effects that rules and use cases are handed instead of reaching for them. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export interface Ids {
  /** Fresh random bytes, for ids and tokens. */
  random(bytes: number): Uint8Array;
}

/** One structured line per operation; values are redacted here, never at the call. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
}
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A blob that is read or written piece by piece; `sizeBytes` is its exact length. */
export interface BlobBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Of the whole blob, also where only a part of it was asked for. */
  readonly sizeBytes: number;
}

/** A part of a blob: so many bytes from a place on, or its last ones; of a shorter blob what there is. */
export type BlobPart = { readonly from: number; readonly bytes: number } | { readonly last: number };

/**
 * Blobs under plain keys (`logs/<workspace>/<run>`): R2 hosted, a folder embedded; one contract test for both. A log
 * may be larger than the memory of an object, so bodies are streams.
 */
export interface BlobStore {
  /** Replaces what is there. A reader sees the old or the new blob, never a part. */
  put(key: string, body: Uint8Array<ArrayBuffer> | BlobBody): Promise<void>;
  /** Null when there is none. The stream must be read or cancelled. */
  get(key: string, part?: BlobPart): Promise<BlobBody | null>;
  /** No error when there is none. */
  delete(key: string): Promise<void>;
}

/** What a person is told. `path` leads to its page, below the address of the installation; it may hold a token. */
export interface Mail {
  readonly kind: "reset" | "register" | "confirm" | "known" | "invitation";
  readonly to: string;
  readonly subject: string;
  /** Plain text without the link, which the adapter adds. */
  readonly text: string;
  readonly path: string;
  /** Until when the link works, milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * Takes messages to people: by a mail service where one is configured, else into the installation's own list, from which
 * its owner hands them over.
 */
export interface Mailer {
  /** Whether messages reach people by themselves. */
  readonly sends: boolean;
  /** Rejects when the message could neither be sent nor kept. */
  deliver(mail: Mail): Promise<void>;
}
