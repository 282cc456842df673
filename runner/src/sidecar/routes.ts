/** The table of routes of the runtime API: tests walk it, so that none is without its checks. */
import { postToolAction } from "./actions.ts";
import { getArtifact, listArtifacts, postArtifact } from "./artifacts.ts";
import type { Handler } from "./call.ts";
import {
  getContext,
  getHealth,
  getInput,
  getJob,
  getMetrics,
  getSecret,
  postExit,
  postOutput,
  postToken,
} from "./job-routes.ts";
import { freeLock, renewLock, takeLock } from "./locks.ts";
import { postCondition, postName, postProgress } from "./notes.ts";
import { deleteVariable, getVariable, listVariables, putVariable } from "./variables.ts";

type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Route {
  /** `{id}` is the run; `{name}` one part of the path; `{name...}` the rest of it. */
  readonly path: string;
  readonly methods: Readonly<Partial<Record<Method, Handler>>>;
  /** `container`: whoever reaches this socket. `token`: needs the job's token. */
  readonly caller: "container" | "token";
}

const OF_RUN = "/v1/executions/{id}";

export const routes: readonly Route[] = [
  { path: "/health", caller: "container", methods: { GET: getHealth } },
  { path: "/metrics", caller: "container", methods: { GET: getMetrics } },
  { path: "/v1/job", caller: "container", methods: { GET: getJob } },
  { path: "/v1/job/exit", caller: "container", methods: { POST: postExit } },
  { path: `${OF_RUN}/input`, caller: "token", methods: { GET: getInput } },
  { path: `${OF_RUN}/output`, caller: "token", methods: { POST: postOutput } },
  { path: `${OF_RUN}/context`, caller: "token", methods: { GET: getContext } },
  { path: `${OF_RUN}/secrets/{name}`, caller: "token", methods: { GET: getSecret } },
  { path: `${OF_RUN}/variables`, caller: "token", methods: { GET: listVariables } },
  {
    path: `${OF_RUN}/variables/{name}`,
    caller: "token",
    methods: { GET: getVariable, PUT: putVariable, DELETE: deleteVariable },
  },
  {
    path: `${OF_RUN}/locks/{name...}`,
    caller: "token",
    methods: { POST: takeLock, PUT: renewLock, DELETE: freeLock },
  },
  { path: `${OF_RUN}/condition`, caller: "token", methods: { POST: postCondition } },
  { path: `${OF_RUN}/progress`, caller: "token", methods: { POST: postProgress } },
  { path: `${OF_RUN}/name`, caller: "token", methods: { POST: postName } },
  { path: `${OF_RUN}/tool-actions/{name}`, caller: "token", methods: { POST: postToolAction } },
  { path: `${OF_RUN}/artifacts`, caller: "token", methods: { GET: listArtifacts, POST: postArtifact } },
  { path: `${OF_RUN}/artifacts/{name...}`, caller: "token", methods: { GET: getArtifact } },
  { path: `${OF_RUN}/token`, caller: "token", methods: { POST: postToken } },
];

/** What matches the path; its groups are the run and the name, in this order. */
export function pattern(path: string): RegExp {
  const text = path
    .replaceAll(/[.]/g, String.raw`\.`)
    .replace("{id}", "([^/]+)")
    .replace(String.raw`{name\.\.\.}`, "(.+)")
    .replace("{name}", "([^/]+)");
  return new RegExp(`^${text}$`);
}
