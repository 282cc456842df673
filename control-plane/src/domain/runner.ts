/** A runner as the Dispatcher keeps it, its state, and the view of it that leaves the Dispatcher. */
import type { MachineFacts, MachineMetrics, Runner, RunnerPlatform, RunnerState, Transport } from "@cronium/protocol";

/** A pause that a person has set at the control plane. */
export interface RunnerPause {
  readonly note: string;
  readonly at: number;
  /** When it ends by itself; null for never. */
  readonly until: number | null;
}

/** How a machine did when it last said so. */
export interface MetricsAt {
  readonly at: number;
  readonly metrics: MachineMetrics;
}

export interface RunnerRecord {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly platform: RunnerPlatform | null;
  readonly slots: number;
  readonly notReady: readonly string[];
  readonly draining: boolean;
  readonly latencyMs: number | null;
  /** The newest process of it that has connected; null before the first. */
  readonly epoch: string | null;
  readonly connected: boolean;
  readonly connectedAt: number | null;
  /** Last sign of life that was written down; a connected runner may have pinged since. */
  readonly lastSeenAt: number | null;
  readonly createdAt: number;
  readonly revokedAt: number | null;
  /** Different runs that failed at their start on it since one began there. */
  readonly startFailures: readonly string[];
  /** Since when it gets no offers until a person releases it, and why; null when it is not held back. */
  readonly quarantinedAt: number | null;
  readonly quarantineMessage: string | null;
  /** The state that watchers were last told of. */
  readonly state: RunnerState;
  /** It takes one job and leaves for good. */
  readonly ephemeral: boolean;
  /** When the one job of an ephemeral runner was granted; null before, and for every other runner. */
  readonly servedAt: number | null;
  /** Since when an ephemeral runner has had no link; null while it has one, and for every other runner. */
  readonly awaySince: number | null;
  /** P-256 key that secrets are sealed to, an uncompressed point in base64url; null for a runner that is too old to name one. */
  readonly sealingKey: string | null;
  /** The version that was agreed on in its last handshake; 1 before the first. */
  readonly protocol: number;
  /** By how much its clock is ahead, by what it said last; null within the tolerance, and where it does not say. */
  readonly clockSkewMs: number | null;
  readonly pause: RunnerPause | null;
  /** Since when it is paused at its machine; null when it is not. */
  readonly machinePausedAt: number | null;
  /** Null for a runner that does not say, which is one that is too old. */
  readonly facts: MachineFacts | null;
  readonly metrics: MetricsAt | null;
  readonly rev: number;
}

/** The way of a frame, and what people's machines are apart without harm. */
const CLOCK_TOLERANCE_MS = 30_000;

/** Of a runner whose clock says `clock`; undefined where it does not say. */
export function clockSkew(clock: number | undefined, now: number): number | null {
  return clock === undefined || Math.abs(clock - now) <= CLOCK_TOLERANCE_MS ? null : clock - now;
}

function warningsOf({ clockSkewMs }: RunnerRecord): Runner["warnings"] {
  if (clockSkewMs === null) {
    return [];
  }
  const by = `${spanText(Math.abs(clockSkewMs))} ${clockSkewMs > 0 ? "ahead of" : "behind"}`;
  const message = `Its clock is ${by} the control plane's. Leases and timeouts do not mind, but scripts and certificates do: turn on time synchronisation on that machine.`;
  return [{ code: "clock_skew", message }];
}

function spanText(ms: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ] as const;
  const [unitMs, unit] = units.find(([size]) => ms >= 2 * size) ?? ([1_000, "s"] as const);
  return `${Math.round(ms / unitMs)} ${unit}`;
}

/** What its link says at this moment. */
export interface RunnerFacts {
  /** Newest sign of life, written down or not. */
  readonly seenAt: number | null;
  readonly slotsUsed: number;
  /** Null without a link. */
  readonly transport: Transport | null;
}

/** Whether a connected runner has shown a sign of life recently enough to be given work. */
export function isFresh(lastSeenAt: number | null, now: number, unreachableAfterMs: number): boolean {
  return lastSeenAt !== null && now - lastSeenAt < unreachableAfterMs;
}

/** `seenAt` is its newest sign of life, written down or not. */
export function runnerState(
  runner: RunnerRecord,
  facts: {
    readonly seenAt: number | null;
    readonly slotsUsed: number;
    readonly now: number;
    readonly unreachableAfterMs: number;
  },
): RunnerState {
  if (runner.revokedAt !== null) {
    return "disabled";
  }
  if (!runner.connected) {
    return "offline";
  }
  if (!isFresh(facts.seenAt, facts.now, facts.unreachableAfterMs)) {
    return "unreachable";
  }
  if (runner.quarantinedAt !== null) {
    return "quarantined";
  }
  if (runner.draining) {
    return "draining";
  }
  if (runner.pause !== null || runner.machinePausedAt !== null) {
    return "paused";
  }
  return facts.slotsUsed >= runner.slots ? "busy" : "online";
}

/** Why it gets no offers though a person alone keeps it from them, in a sentence; null when nobody does. */
export function pauseText({ name, pause, machinePausedAt }: RunnerRecord): string | null {
  if (pause !== null) {
    const until = pause.until === null ? "" : ` until ${new Date(pause.until).toISOString()}`;
    return `${name} is paused${until}${pause.note === "" ? "." : `: ${pause.note}`}`;
  }
  return machinePausedAt === null ? null : `${name} is paused at its machine; cronium-runner resume there ends it.`;
}

function pausedOf({ pause, machinePausedAt }: RunnerRecord): Runner["paused"] {
  if (pause !== null) {
    const { note, at, until } = pause;
    return { by: "person", note, at: new Date(at).toISOString(), until: isoOrNull(until) };
  }
  return machinePausedAt === null
    ? null
    : { by: "machine", note: "", at: new Date(machinePausedAt).toISOString(), until: null };
}

const isoOrNull = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export function toRunner(runner: RunnerRecord, facts: RunnerFacts): Runner {
  return {
    id: runner.id,
    name: runner.name,
    state: runner.state,
    notReady: [...runner.notReady],
    labels: { ...runner.labels },
    version: runner.version,
    platform: runner.platform,
    slots: runner.slots,
    slotsUsed: facts.slotsUsed,
    latencyMs: runner.latencyMs,
    quarantine:
      runner.quarantinedAt === null
        ? null
        : { at: new Date(runner.quarantinedAt).toISOString(), message: runner.quarantineMessage ?? "" },
    paused: pausedOf(runner),
    transport: facts.transport,
    connectedAt: runner.connected ? isoOrNull(runner.connectedAt) : null,
    lastSeenAt: isoOrNull(facts.seenAt),
    createdAt: new Date(runner.createdAt).toISOString(),
    warnings: warningsOf(runner),
    ephemeral: runner.ephemeral,
    rev: runner.rev,
  };
}
