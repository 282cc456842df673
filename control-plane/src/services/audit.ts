/** The audit of a workspace as one list: the chain of its accounts in D1 and those of its Dispatchers. */
import type { AuditEntry, AuditExportQuery, AuditQuery, AuditVerdict } from "@cronium/protocol";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { brokenAt, checkLinks, unchecked } from "../auth/audit-chain.ts";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import {
  ACCOUNTS,
  chainOfShard,
  newestFirst,
  placeIn,
  type AuditAsk,
  type AuditFilter,
  type AuditPosition,
  type AuditRow,
  type ChainFinding,
} from "../domain/audit.ts";
import { auditRowsAfter, listAuditRows } from "../store/account-audit.ts";
import { pageFrom, readCursor } from "./page-cursor.ts";

const PAGE = 500;

/** One chain, wherever it is kept. */
interface Source {
  readonly chain: string;
  list(ask: AuditAsk): Promise<readonly AuditRow[]>;
  after(ask: {
    readonly seq: number;
    readonly limit: number;
    readonly filter: AuditFilter;
  }): Promise<readonly AuditRow[]>;
  verify(): Promise<ChainFinding>;
}

async function sources(deps: Deps, workspaceId: string): Promise<readonly Source[]> {
  const shards = [HOME_SHARD, ...(await deps.dispatcherFor(workspaceId).listShards())];
  return [
    {
      chain: ACCOUNTS,
      list: (ask) => listAuditRows(deps.d1, workspaceId, ask),
      after: (ask) => auditRowsAfter(deps.d1, workspaceId, ask),
      verify: () => verifyAccounts(deps, workspaceId),
    },
    ...shards.map((shard): Source => {
      const dispatcher = deps.dispatcherFor(workspaceId, shard);
      return {
        chain: chainOfShard(shard),
        list: (ask) => dispatcher.listAudit(ask),
        after: (ask) => dispatcher.listAuditAfter(ask),
        verify: () => dispatcher.verifyAudit(),
      };
    }),
  ];
}

/** Newest first. */
export async function listAudit(
  deps: Deps,
  actor: Actor,
  query: AuditQuery,
): Promise<{ readonly items: AuditEntry[]; readonly nextCursor: string | null }> {
  const position = positionOf(query.cursor);
  const filter = filterOf(query);
  const limit = query.limit + 1;
  const lists = await Promise.all(
    (await sources(deps, actor.workspaceId)).map(async ({ chain, list }) =>
      (await list({ filter, before: placeIn(chain, position), limit })).map((row) => ({ ...row, chain })),
    ),
  );
  const rows = lists.flat().toSorted(newestFirst).slice(0, limit);
  const page = pageFrom(rows, query.limit, ({ at, chain, seq }) => ({ at, id: `${chain}:${seq}` }));
  return { items: page.items.map(viewEntry), nextCursor: page.nextCursor };
}

/** Recomputes every hash of every chain, from the first entry that is kept to the last. */
export async function verifyAudit(deps: Deps, actor: Actor): Promise<AuditVerdict> {
  const found = await Promise.all((await sources(deps, actor.workspaceId)).map((source) => source.verify()));
  const chains = found.map((one) => ({ ...one, isIntact: one.brokenAt === null }));
  const entries = found.reduce((sum, one) => sum + one.entries, 0);
  const broken = found.find((one) => one.brokenAt !== null);
  if (broken === undefined) {
    const message = `All ${entries} entries are as they were written.`;
    return { isIntact: true, entries, brokenAt: null, message, chains };
  }
  const message = `Entry ${broken.brokenAt} of the chain "${broken.chain}" is missing or was changed: everything from there on cannot be trusted.`;
  return { isIntact: false, entries, brokenAt: broken.brokenAt, message, chains };
}

async function verifyAccounts({ d1 }: Deps, workspaceId: string): Promise<ChainFinding> {
  let check = unchecked;
  for (;;) {
    const rows = await auditRowsAfter(d1, workspaceId, { seq: check.last?.seq ?? 0, limit: PAGE });
    check = checkLinks(workspaceId, check, rows);
    if (rows.length < PAGE) {
      return { chain: ACCOUNTS, entries: check.entries, brokenAt: brokenAt(check) };
    }
  }
}

/** Oldest first, one JSON text a line; the chains are merged by time. */
export function exportAudit(deps: Deps, actor: Actor, query: AuditExportQuery): ReadableStream<Uint8Array> {
  const entries = exportedAudit(deps, actor.workspaceId, filterOf(query));
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let piece = "";
      for (let lines = 0; lines < PAGE; lines += 1) {
        const { done, value } = await entries.next();
        if (done === true) {
          controller.enqueue(encoder.encode(piece));
          controller.close();
          return;
        }
        piece += `${JSON.stringify(value)}\n`;
      }
      controller.enqueue(encoder.encode(piece));
    },
    async cancel() {
      await entries.return(undefined);
    },
  });
}

/** Every entry of every chain, oldest first. */
export async function* exportedAudit(
  deps: Deps,
  workspaceId: string,
  filter: AuditFilter = {},
): AsyncGenerator<AuditEntry, undefined> {
  const heads = (await sources(deps, workspaceId)).map((source) => ({
    source,
    rows: [] as readonly AuditRow[],
    at: 0,
    seq: 0,
    isOver: false,
  }));
  for (;;) {
    for (const head of heads) {
      if (!head.isOver && head.at === head.rows.length) {
        head.rows = await head.source.after({ seq: head.seq, limit: PAGE, filter });
        head.at = 0;
        head.isOver = head.rows.length === 0;
      }
    }
    const [oldest] = heads
      .flatMap((head) => {
        const row = head.rows[head.at];
        return row === undefined ? [] : [{ head, row }];
      })
      .toSorted((a, b) => a.row.at - b.row.at);
    if (oldest === undefined) {
      return undefined;
    }
    const { head, row } = oldest;
    head.at += 1;
    head.seq = row.seq;
    yield viewEntry({ ...row, chain: head.source.chain });
  }
}

function filterOf({ verb, actor, target, from, to }: AuditExportQuery): AuditFilter {
  const at = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
  return { verb, actor, target, from: at(from), to: at(to) };
}

function positionOf(cursor: string | undefined): AuditPosition | null {
  const position = readCursor(cursor);
  if (position === null) {
    return null;
  }
  const [chain = "", seq = "0"] = position.id.split(":");
  return { at: position.at, chain, seq: Number(seq) || 0 };
}

function viewEntry({ chain, seq, hash, entry }: AuditRow & { readonly chain: string }): AuditEntry {
  return { chain, seq, ...(JSON.parse(entry) as Omit<AuditEntry, "chain" | "seq" | "hash">), hash };
}
