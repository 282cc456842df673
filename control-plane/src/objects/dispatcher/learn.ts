/** What a shard is told by home, or by the Worker on home's behalf. May be repeated, and come out of order. */
import { closeCodes } from "@cronium/protocol/runner";
import type { EventCopy, Facts, RunnerFacts } from "../../domain/sharding.ts";
import { readEvent } from "./events.ts";
import { learnHomeVariables } from "./handed-values.ts";
import { unparkAfterChange } from "./queue-changes.ts";
import { learnWatched } from "./relay.ts";
import { revokeRunner } from "./revocation.ts";
import { changeFleet, registerRunner } from "./runners.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import { closeSocketsOf } from "./sockets.ts";
import { inTurn } from "./turns.ts";

export function learn(shell: Shell, facts: Facts): void {
  const { rules, events = [], needed = false, runners = [], reconnect = [], watchedMs } = facts;
  inTurn(shell, (turn) => {
    if (watchedMs !== undefined) {
      learnWatched(shell, turn, watchedMs);
    }
    if (rules !== undefined) {
      learnRules(shell, turn, rules);
    }
    for (const event of events) {
      learnEvent(shell, turn, event, needed);
    }
    for (const runner of runners) {
      if (!runner.revoked && differs(shell, runner)) {
        registerRunner(shell, turn, runner);
      }
      learnPause(shell, turn, runner);
    }
  });
  for (const runnerId of reconnect) {
    closeSocketsOf(shell, runnerId, closeCodes.handshakeTimeout, "registered again");
  }
  for (const { runnerId, revoked } of runners) {
    if (revoked && shell.fleet.get(runnerId)?.revokedAt === null) {
      revokeRunner(shell, runnerId);
    }
  }
}

function learnRules(shell: Shell, turn: Turn, { rev, settings, paused, variables }: NonNullable<Facts["rules"]>): void {
  const known = shell.sql.exec("SELECT value FROM meta WHERE key = 'rules_rev'").toArray()[0];
  if (known !== undefined && Number(known["value"]) >= rev) {
    return;
  }
  shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('rules_rev', ?)", String(rev));
  shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('settings', ?)", JSON.stringify(settings));
  if (variables !== undefined) {
    learnHomeVariables(shell, variables);
  }
  shell.sql.exec("DELETE FROM paused_queues");
  for (const { name, note, at } of paused) {
    shell.sql.exec("INSERT INTO paused_queues (name, note, at) VALUES (?, ?, ?)", name, note, at);
  }
  if (shell.line !== null) {
    shell.line.settings = settings;
    shell.line.paused.clear();
    for (const { name, note } of paused) {
      shell.line.paused.set(name, note);
    }
  }
  // Home gives out nothing under a new limit before it has heard of everybody.
  shell.places.unreported = true;
  wakeBy(turn, turn.now);
  turn.fleetChanged = true;
  turn.pumpNeeded = true;
}

/** Home ends it when its time is over, and says so. */
function learnPause(shell: Shell, turn: Turn, { runnerId, pause }: RunnerFacts): void {
  const known = shell.fleet.get(runnerId);
  if (known !== undefined && pause !== undefined && JSON.stringify(known.pause) !== JSON.stringify(pause)) {
    changeFleet(shell, turn, runnerId, { pause });
  }
}

function differs(shell: Shell, facts: RunnerFacts): boolean {
  const known = shell.fleet.get(facts.runnerId);
  return (
    known === undefined ||
    known.revokedAt !== null ||
    known.name !== facts.name ||
    known.version !== facts.version ||
    known.ephemeral !== (facts.ephemeral ?? false) ||
    JSON.stringify([known.labels, known.platform]) !== JSON.stringify([facts.labels, facts.platform])
  );
}

/** Versions never change, so what is here already stays; the newest one's limits hold for runs that wait already. */
function learnEvent(shell: Shell, turn: Turn, copy: EventCopy, needed: boolean): void {
  const before = readEvent(shell, copy.id);
  if (before === null && !needed) {
    return;
  }
  for (const { version, name, description, definition, createdAt } of copy.versions) {
    shell.sql.exec(
      `INSERT OR IGNORE INTO event_versions (event_id, version, name, description, definition, created_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
      copy.id,
      version,
      name,
      description,
      definition,
      createdAt,
    );
  }
  if (before !== null && before.version >= copy.version) {
    return;
  }
  shell.sql.exec(
    `INSERT OR REPLACE INTO events (id, name, description, version, created_at, updated_at, archived_at, rev)
     VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
    copy.id,
    copy.name,
    copy.description,
    copy.version,
    copy.createdAt,
    copy.updatedAt,
    copy.archivedAt,
  );
  shell.line?.queueing.delete(copy.id);
  shell.events.delete(copy.id);
  turn.fleetChanged = true;
  turn.pumpNeeded = true;
  const after = readEvent(shell, copy.id);
  if (before !== null && after !== null) {
    unparkAfterChange(shell, turn, before, after);
  }
}
