/** The floor of a read: a bare Worker that answers with what one indexed D1 query finds, and nothing else. */
import { startBareWorker, type BareWorker } from "./bare-worker.ts";

const WORKER = `
const WORKSPACE = "ws_bare";
export default { async fetch(request, env) {
  const url = new URL(request.url);
  const limit = Number(url.searchParams.get("limit"));
  const page = async (where, ...values) => {
    const { results } = await env.DB
      .prepare("SELECT summary FROM runs WHERE workspace_id = ?1" + where + " ORDER BY queued_at DESC, id DESC LIMIT ?2")
      .bind(WORKSPACE, limit, ...values).all();
    return Response.json({ items: results.map((row) => JSON.parse(row.summary)) });
  };
  switch (url.pathname) {
    case "/seed": {
      const { runs, summary, detail } = await request.json();
      await env.DB.prepare("CREATE TABLE runs (id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, event TEXT NOT NULL, queued_at INTEGER NOT NULL, summary TEXT NOT NULL, detail TEXT NOT NULL)").run();
      await env.DB.prepare("CREATE INDEX runs_list ON runs (workspace_id, queued_at, id)").run();
      await env.DB.prepare("CREATE INDEX runs_by_event ON runs (workspace_id, event, queued_at, id)").run();
      await env.DB.prepare("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1) INSERT INTO runs SELECT printf('run_%026d', i), ?2, i % 20, i / 50, ?3, ?4 FROM n")
        .bind(runs, WORKSPACE, summary, detail).run();
      return new Response("seeded");
    }
    case "/list": return page("");
    case "/search": return page(" AND event = ?3", url.searchParams.get("event"));
    case "/detail": {
      const row = await env.DB.prepare("SELECT detail FROM runs WHERE id = printf('run_%026d', ?1) AND workspace_id = ?2")
        .bind(Number(url.searchParams.get("n")), WORKSPACE).first();
      return Response.json(JSON.parse(row.detail));
    }
    default: return new Response("ready");
  }
} };
`;

/** As many rows as there are runs, each of the size that a run's row has. */
export async function startBareReads(
  runs: number,
  row: { readonly summary: string; readonly detail: string },
): Promise<BareWorker> {
  const worker = await startBareWorker(WORKER, { d1: true });
  const answer = await fetch(`${worker.url}/seed`, { method: "POST", body: JSON.stringify({ runs, ...row }) });
  if (!answer.ok) {
    await worker.stop();
    throw new Error(`The bare reads could not be seeded: ${await answer.text()}`);
  }
  return worker;
}
