/** Sizes, times and defaults that several programs must agree on; plain constants without zod. */

/** Largest script, in bytes of UTF-8. */
export const MAX_SCRIPT_BYTES = 1_048_576;
/** Largest input, in bytes of JSON. */
export const MAX_INPUT_BYTES = 1_048_576;
/** Largest output of a run, in bytes of JSON. */
export const MAX_OUTPUT_BYTES = 1_048_576;
/** Largest HTTP request body, in bytes: script and input together with room for escapes. */
export const MAX_BODY_BYTES = 4_194_304;
/** Largest WebSocket frame, in bytes. */
export const MAX_FRAME_BYTES = 8_388_608;

export const DEFAULT_TIMEOUT_MS = 3_600_000;
export const MIN_TIMEOUT_MS = 1_000;
export const MAX_TIMEOUT_MS = 86_400_000;

export const DEFAULT_MEMORY_MB = 512;
export const MIN_MEMORY_MB = 16;
export const MAX_MEMORY_MB = 65_536;

/** Between SIGTERM and SIGKILL. */
export const DEFAULT_GRACE_MS = 10_000;
/** How long a runner may take to accept an offer. */
export const OFFER_TIMEOUT_MS = 10_000;
/** How long logs may drain after the exit code is known. */
export const LOG_DRAIN_MS = 60_000;

/** A lease lives this long without a renewal. */
export const DEFAULT_LEASE_MS = 300_000;
/** The shortest lease outside tests: longer than a reconnect with jitter after a deploy. */
export const MIN_LEASE_MS = 90_000;
/** How often a runner pings; each answered ping renews its leases. */
export const RENEW_EVERY_MS = 20_000;
/** Without a pong for this long a runner gets no offers. */
export const UNREACHABLE_AFTER_MS = 60_000;

/** Bytes of log kept for one run. */
export const DEFAULT_LOG_CAP_BYTES = 268_435_456;
/** The most that an event may ask for (`logCapMb`), and that is kept of any run: 4,096 MiB. */
export const MAX_LOG_CAP_BYTES = 4_294_967_296;
/** Largest payload of one log frame, in bytes. */
export const MAX_LOG_FRAME_BYTES = 65_536;

export const INFRA_RETRIES = 3;
export const RETRY_BASE_MS = 5_000;
export const RETRY_CAP_MS = 300_000;

/** How long an Idempotency-Key is remembered. */
export const IDEMPOTENCY_TTL_MS = 86_400_000;

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 200;

/** Different runs in a row that a runner may fail to start before it is quarantined. */
export const QUARANTINE_AFTER_RUNS = 5;
