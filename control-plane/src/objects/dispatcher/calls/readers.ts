/**
 * Who may use values of variables again that were read a moment ago, and how they are told before one changes.
 *
 * A runner that was answered with `cacheMs` is a reader of that variable until then. A write first asks every reader of
 * its variable to let go of it, waits until each has said so or its time has run out, and only then commits. While it
 * waits nobody becomes a reader of that variable. So at the moment of the commit no copy is left, and what is used again
 * is never older than a write that was acknowledged.
 *
 * That runners are readers at all lies in storage, a while ahead so that it is rarely written: an instance that begins
 * knows from there whom it has to ask, though not about which variables, and asks them about all for the length of one
 * right. It is the only use of time here: a clock that jumps forward ends a wait for a runner that does not answer, and
 * nothing else.
 *
 * Example: runner A reads X and is cut off. B's write of X asks A, hears nothing, and is committed ten seconds after A
 * was answered; A has stopped using X by then, by its own clock, which began earlier.
 */
import { CACHE_MS } from "@cronium/protocol/calls";
import type { Shell } from "../shell.ts";
import { attachmentOf, readyLink, send } from "../sockets.ts";

const ASK_AGAIN_MS = 1_000;
const STORED_AHEAD_MS = 60_000;

export interface Reader {
  readonly runnerId: string;
  readonly epoch: string;
}

interface Wait extends Reader {
  readonly settle: () => void;
}

export interface Readers {
  /** By name of a variable, then by `<runner>/<epoch>`: until when. */
  readonly byName: Map<string, Map<string, Reader & { readonly until: number }>>;
  /** Of an earlier instance: readers of anything, until when at the latest. */
  readonly earlier: Map<string, Reader & { readonly until: number }>;
  /** As it lies in storage. */
  readonly stored: Map<string, number>;
  /** Writes that wait or are about to be committed, by name. */
  readonly writing: Map<string, number>;
  readonly waits: Map<string, Wait>;
  /** Of the last `uncache`. */
  number: number;
}

const keyOf = ({ runnerId, epoch }: Reader): string => `${runnerId}/${epoch}`;

export function readReaders(sql: SqlStorage, now: number): Readers {
  const rows = sql.exec("SELECT runner_id, epoch, until FROM readers WHERE until > ?", now).toArray();
  const stored = rows.map((row) => ({
    runnerId: row["runner_id"] as string,
    epoch: row["epoch"] as string,
    until: row["until"] as number,
  }));
  return {
    byName: new Map(),
    earlier: new Map(stored.map((row) => [keyOf(row), { ...row, until: Math.min(row.until, now + CACHE_MS) }])),
    stored: new Map(stored.map((row) => [keyOf(row), row.until])),
    writing: new Map(),
    waits: new Map(),
    number: now * 1_000,
  };
}

export interface Allowed {
  readonly cacheMs: number;
  readonly after: number;
}

/** Makes the runner a reader if nothing speaks against it. `ownWrites`: writes of this variable that are its own. */
export function allow(shell: Shell, reader: Reader, name: string, now: number, ownWrites = 0): Allowed {
  const { readers } = shell;
  const after = readers.number;
  if ((readers.writing.get(name) ?? 0) > ownWrites || linkOf(shell, reader) === null) {
    return { cacheMs: 0, after };
  }
  const key = keyOf(reader);
  if ((readers.stored.get(key) ?? 0) < now + CACHE_MS) {
    const until = now + STORED_AHEAD_MS;
    shell.sql.exec("DELETE FROM readers WHERE until <= ?", now);
    shell.sql.exec(
      "INSERT OR REPLACE INTO readers (runner_id, epoch, until) VALUES (?, ?, ?)",
      reader.runnerId,
      reader.epoch,
      until,
    );
    readers.stored.set(key, until);
  }
  const named = readers.byName.get(name) ?? new Map<string, Reader & { until: number }>();
  readers.byName.set(name, named);
  named.set(key, { runnerId: reader.runnerId, epoch: reader.epoch, until: now + CACHE_MS });
  return { cacheMs: CACHE_MS, after };
}

/**
 * Before a variable is written. What it returns is to be called when the write is decided, committed or not. Null: there
 * is nobody to wait for, and the write may be decided in this very turn.
 */
export function beginWrite(shell: Shell, name: string): { readonly clear: Promise<void> | null; end(): void } {
  const { readers } = shell;
  readers.writing.set(name, (readers.writing.get(name) ?? 0) + 1);
  let open = true;
  const end = (): void => {
    const left = (readers.writing.get(name) ?? 1) - (open ? 1 : 0);
    open = false;
    if (left <= 0) {
      readers.writing.delete(name);
    } else {
      readers.writing.set(name, left);
    }
  };
  const now = shell.deps.clock.now();
  const holders = new Map(readers.byName.get(name) ?? []);
  for (const [key, reader] of readers.earlier) {
    if (reader.until <= now) {
      readers.earlier.delete(key);
    } else if (!holders.has(key)) {
      holders.set(key, reader);
    }
  }
  if (holders.size === 0) {
    return { clear: null, end };
  }
  readers.number += 1;
  const id = readers.number;
  const all = [...holders].map(([key, reader]) =>
    askBack(shell, id, name, reader).then(() => {
      readers.byName.get(name)?.delete(key);
    }),
  );
  return {
    clear: Promise.all(all).then(() => {
      if (readers.byName.get(name)?.size === 0) {
        readers.byName.delete(name);
      }
    }),
    end,
  };
}

/** Resolves when the runner has let go of it, or may not use it any more. */
function askBack(shell: Shell, id: number, name: string, reader: Reader & { readonly until: number }): Promise<void> {
  const { readers, deps } = shell;
  return new Promise((resolve) => {
    const key = `${id}/${keyOf(reader)}`;
    const tell = (): void => {
      const link = linkOf(shell, reader);
      if (link !== null) {
        send(link, { type: "uncache", id, names: [name] });
      }
    };
    const settle = (): void => {
      clearInterval(again);
      clearTimeout(over);
      readers.waits.delete(key);
      resolve();
    };
    // It may have a new connection by then.
    const again = setInterval(tell, ASK_AGAIN_MS);
    const over = setTimeout(settle, Math.max(0, Math.min(CACHE_MS, reader.until - deps.clock.now())));
    readers.waits.set(key, { ...reader, settle });
    tell();
  });
}

/** The runner's answer. */
export function onUncached(shell: Shell, reader: Reader, id: number): void {
  shell.readers.waits.get(`${id}/${keyOf(reader)}`)?.settle();
}

/** The connection of this very process; another one knows nothing of what this one keeps. */
function linkOf(shell: Shell, { runnerId, epoch }: Reader) {
  const link = readyLink(shell, runnerId);
  const attachment = link === null ? null : attachmentOf(link);
  return attachment?.kind === "runner" && attachment.epoch === epoch ? link : null;
}
