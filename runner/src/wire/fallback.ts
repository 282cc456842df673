/**
 * Decides what carries the next connection: a WebSocket, or polling where WebSockets do not get through.
 *
 * Example: a proxy answers each upgrade with 502. Three refusals in a row, and the next try polls. That works, so it
 * stays; after 10 s, 20 s, 40 s, … up to 10 minutes a WebSocket is tried on the side, and when frames pass over it both
 * ways, it takes over. Had polling failed too, the next try would have been a WebSocket again, then polling, in turn: a
 * control plane that is away looks much like a proxy, and nothing is lost by asking in both ways.
 */
import type { Transport } from "@cronium/protocol";
import type { Refusal } from "./wire.ts";

/** Blocked WebSockets in a row before polling is tried. One that stays silent for long counts twice. */
const BLOCKED_LIMIT = 3;
const SILENT_AFTER_MS = 10_000;
const PROBE_FIRST_MS = 10_000;
const PROBE_CAP_MS = 600_000;

/** Errors of a network or a server that is away: they say nothing about WebSockets. */
const AWAY = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ETIMEDOUT",
]);

/** How a connection ended over which no frame had passed both ways. */
export interface Attempt {
  /** How long it lasted, in milliseconds. */
  readonly lastedMs: number;
  readonly refusal: Refusal | null;
  readonly error: unknown;
}

export class Fallback {
  /** What carries the next connection. */
  transport: Transport;
  private blocked = 0;
  private probes = 0;

  constructor(transport: Transport = "websocket") {
    this.transport = transport;
  }

  /** Frames pass both ways over it. */
  works(transport: Transport): void {
    this.transport = transport;
    if (transport === "websocket") {
      this.blocked = 0;
      this.probes = 0;
    }
  }

  /** True when the next connection is carried by the other one. */
  failed(transport: Transport, attempt: Attempt): boolean {
    if (transport === "polling") {
      this.transport = "websocket";
      return true;
    }
    if (saysNothing(attempt)) {
      return false;
    }
    this.blocked += attempt.lastedMs >= SILENT_AFTER_MS ? 2 : 1;
    if (this.blocked >= BLOCKED_LIMIT) {
      this.transport = "polling";
      return true;
    }
    return false;
  }

  /** Until the next WebSocket is tried on the side, in milliseconds; `random` in [0, 1). */
  nextProbeMs(random: number): number {
    const ceiling = Math.min(PROBE_CAP_MS, PROBE_FIRST_MS * 2 ** Math.min(this.probes, 10));
    this.probes += 1;
    return Math.round(ceiling * (0.5 + random / 2));
  }
}

function saysNothing({ refusal, error }: Attempt): boolean {
  if (refusal !== null) {
    // Our own server speaks, and has another reason than a request that a proxy took apart.
    return refusal.code !== null && (refusal.status >= 500 || refusal.status === 429);
  }
  return error instanceof Error && AWAY.has(String((error as NodeJS.ErrnoException).code));
}
