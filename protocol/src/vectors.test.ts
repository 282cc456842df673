import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import * as z from "zod";
import * as protocol from "./index.ts";
import { parseStrictJson } from "./json.ts";

const VECTORS = join(import.meta.dirname, "..", "vectors");

/** Schemas that travel only inside others, whose vectors cover them. */
const PARTS = new Set([
  "Dedupe",
  "Delivery",
  "DeliveryId",
  "Endpoint",
  "EndpointId",
  "EndpointSecret",
  "EndpointTarget",
  "HeaderName",
  "Verification",
  "BackfillId",
  "Blackout",
  "CatchUp",
  "Occurrence",
  "PreviewedFire",
  "RunOrigin",
  "Schedule",
  "ScheduleDefinition",
  "ScheduleDefinitionInput",
  "ScheduleId",
  "TimeZone",
  "Timing",
  "ApiKeyId",
  "InvitationId",
  "MessageId",
  "RegistrationTokenId",
  "Password",
  "RoleName",
  "Scopes",
  "ServiceAccountId",
  "UserId",
  "ActionDone",
  "Artifact",
  "ArtifactName",
  "ArtifactTicket",
  "Attempt",
  "AttemptRef",
  "CallError",
  "CallKey",
  "CallOp",
  "Chain",
  "ChainedRun",
  "Chains",
  "ConcurrencyKey",
  "Container",
  "ContainerNetwork",
  "ContainerSettings",
  "Debounce",
  "BulkFilter",
  "BulkId",
  "Env",
  "Event",
  "EventDefinition",
  "EventDefinitionInput",
  "EventId",
  "EventQueueing",
  "EventQueueingInput",
  "EventNotice",
  "EventSummary",
  "HeldAttempt",
  "HostRule",
  "ImageReference",
  "InputSchema",
  "Job",
  "JobResult",
  "JsonPointer",
  "JsonValue",
  "Labels",
  "LockHeld",
  "LockId",
  "LockName",
  "MachineFacts",
  "MachineMetrics",
  "Mount",
  "Name",
  "PreferLabels",
  "Priority",
  "ProgressMessage",
  "PublicKey",
  "Run",
  "QueueName",
  "RateLimit",
  "RunFilter",
  "RunId",
  "RunName",
  "RunSummary",
  "Runner",
  "RunnerId",
  "RunnerName",
  "RunnerPlatform",
  "Script",
  "SavedEvent",
  "SealedSecrets",
  "SealingKey",
  "Secret",
  "SecretId",
  "SecretValue",
  "Sha256",
  "TriggerOptions",
  "ValueName",
  "Variable",
  "VariableId",
  "VariableListed",
  "VariableRead",
  "VariableVersion",
  "VariableWritten",
  "WorkspaceId",
]);

interface VectorCase {
  readonly name: string;
  readonly value: unknown;
  readonly parsed?: unknown;
  readonly path?: string;
}

interface VectorFile {
  readonly file: string;
  readonly schema: string;
  readonly type?: string;
  readonly cases: readonly VectorCase[];
}

function readVectors(kind: "valid" | "invalid"): VectorFile[] {
  return readdirSync(join(VECTORS, kind)).map((file) => ({
    file,
    ...(JSON.parse(readFileSync(join(VECTORS, kind, file), "utf8")) as Omit<VectorFile, "file">),
  }));
}

const exported: readonly [string, unknown][] = Object.entries(protocol);

const schemas = new Map<string, z.ZodType>(
  exported.flatMap(([name, value]) => (value instanceof z.ZodType ? [[name, value]] : [])),
);

function schemaOf({ file, schema }: VectorFile): z.ZodType {
  const found = schemas.get(schema);
  if (found === undefined) {
    throw new Error(`${file} names the schema ${schema}, which protocol does not export`);
  }
  return found;
}

/** Where a refusal points; an unknown key is named itself, not the object that holds it. */
function pathOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const extra = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  return [...(issue?.path ?? []), ...extra].join(".");
}

/** The values of a union that `type` tells apart, or one undefined for any other schema. */
function typesOf(schema: z.ZodType): (string | undefined)[] {
  if (!(schema instanceof z.ZodDiscriminatedUnion) || schema.def.discriminator !== "type") {
    return [undefined];
  }
  return schema.options.map((option) => {
    const { type } = (option as z.ZodObject).shape;
    return String((type as z.ZodLiteral).value);
  });
}

describe("valid vectors", () => {
  for (const vectors of readVectors("valid")) {
    for (const { name, value, parsed } of vectors.cases) {
      test(`${vectors.file}: ${name}`, ({ expect }) => {
        const schema = schemaOf(vectors);
        const first = schema.parse(value);
        expect(first).toEqual(parsed ?? value);
        expect(schema.parse(parseStrictJson(JSON.stringify(first)))).toEqual(first);
        if (vectors.type !== undefined) {
          expect(first).toHaveProperty("type", vectors.type);
        }
      });
    }
  }
});

describe("invalid vectors", () => {
  for (const vectors of readVectors("invalid")) {
    for (const { name, value, path } of vectors.cases) {
      test(`${vectors.file}: ${name}`, ({ expect }) => {
        const result = schemaOf(vectors).safeParse(value);
        expect(result.success).toBe(false);
        expect(result.error === undefined ? undefined : pathOf(result.error)).toBe(path);
      });
    }
  }
});

describe("completeness", () => {
  const wanted = [...schemas]
    .filter(([name]) => !PARTS.has(name))
    .flatMap(([name, schema]) => typesOf(schema).map((type) => `${name} ${type ?? ""}`.trim()));

  for (const kind of ["valid", "invalid"] as const) {
    test(`every message has a ${kind} vector, and no vector is without its message`, ({ expect }) => {
      const filled = readVectors(kind).filter((vectors) => vectors.cases.length > 0);
      const present = filled.map(({ schema, type }) => `${schema} ${type ?? ""}`.trim());
      expect(present.toSorted()).toEqual(wanted.toSorted());
    });
  }

  test("a schema named as a part exists", ({ expect }) => {
    expect([...PARTS].filter((name) => !schemas.has(name))).toEqual([]);
  });

  test("every object of a frame refuses fields that nobody knows", ({ expect }) => {
    const frames: readonly z.ZodDiscriminatedUnion[] = [
      protocol.RunnerMessage,
      protocol.ServerMessage,
      protocol.LogClientMessage,
      protocol.LogServerMessage,
    ];
    for (const option of frames.flatMap((frame) => frame.options)) {
      const result = z.toJSONSchema(option as z.ZodObject, { io: "input", unrepresentable: "any" });
      expect(result.additionalProperties).toBe(false);
    }
  });
});
