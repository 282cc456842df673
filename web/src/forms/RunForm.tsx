import { AppError } from "@cronium/protocol/errors";
import type { Json } from "@cronium/protocol/json";
import { MAX_INPUT_BYTES } from "@cronium/protocol/limits";
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { eventQuery, triggerRun } from "../api/events.ts";
import { itemsOf } from "../api/page.ts";
import { runnersQuery } from "../api/runners.ts";
import { CodeEditor } from "../components/code/CodeEditor.tsx";
import { CopyAs } from "../components/CopyAs.tsx";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ApiError } from "../lib/api-error.ts";
import { curlPost } from "../lib/curl.ts";
import { formatBytes } from "../lib/duration.ts";
import { placeOf } from "../lib/json-text.ts";
import { apiPaths, paths } from "../lib/paths.ts";
import { idempotencyKey } from "../lib/random.ts";
import { formOf, withDefaults } from "../lib/schema-form.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { icon } from "../ui/icons.ts";
import { target } from "../ui/TextLink.tsx";
import { SchemaFields } from "./SchemaFields.tsx";

export interface RunFormProps {
  readonly eventId: string;
  readonly eventName: string;
  /** Starts with this input, such as that of an earlier run. Default: the event's default input. */
  readonly input?: Json;
  readonly onClose: () => void;
}

type Checked =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly message: string; readonly position: number | null };

/** Asks for the input, checks it as strictly as the API does, starts the run and opens it. */
export function RunForm({ eventId, eventName, input, onClose }: RunFormProps): ReactNode {
  const event = useQuery(eventQuery(eventId));
  const [typed, setText] = useState<string | null>(null);
  const schema = event.data?.inputSchema ?? null;
  const begin = input ?? event.data?.defaultInput ?? null;
  const text = typed ?? JSON.stringify(schema === null ? begin : withDefaults(schema, begin), null, 2);
  const fields = useMemo(() => formOf(schema), [schema]);
  const [asJson, setAsJson] = useState(false);
  const values = fields === null || asJson ? null : objectIn(text);
  const [problem, setProblem] = useState<Extract<Checked, { ok: false }> | null>(null);
  const [place, setPlace] = useState<{ readonly position: number } | null>(null);
  // One key per content: pressing the button twice starts one run, changing the input starts another.
  const [key, setKey] = useState(idempotencyKey);
  const navigate = useNavigate();
  const runners = useInfiniteQuery(runnersQuery());
  const isLonely =
    runners.data !== undefined &&
    !itemsOf(runners.data).some((runner) => runner.state === "online" || runner.state === "busy");

  const start = useMutation({
    mutationFn: (value: Json) => triggerRun(eventId, value, key),
    onSuccess: async ({ runId }) => {
      onClose();
      await navigate(target(paths.run(runId)));
    },
  });

  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(() => {
      void check(text).then((result) => {
        if (isCurrent) {
          setProblem(result.ok ? null : result);
        }
      });
    }, 250);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [text]);

  const edit = (next: string): void => {
    setText(next);
    setKey(idempotencyKey());
  };

  const submit = async (): Promise<void> => {
    const result = await check(text);
    if (result.ok) {
      start.mutate(result.value);
      return;
    }
    setProblem(result);
    if (result.position !== null) {
      setPlace({ position: result.position });
    }
  };

  return (
    <Dialog
      open
      onClose={onClose}
      title={t("runForm.title", eventName)}
      footer={
        <>
          <span className="mr-auto">
            <CopyAs
              forms={[
                {
                  label: t("copy.curl"),
                  text: () => curlPost(location.origin, apiPaths.eventRuns(eventId), { input: tolerant(text) }),
                },
              ]}
            />
          </span>
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button look="primary" icon={<Play {...icon} />} busy={start.isPending} onClick={() => void submit()}>
            {start.isPending ? t("runForm.busy") : t("runForm.submit")}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-2">
        <div className="flex items-baseline justify-between">
          <span className="text-12 font-medium text-dim">
            {values === null ? t("runForm.input") : t("runForm.fields")}
          </span>
          {fields === null || (asJson && objectIn(text) === null) ? null : (
            <Button look="ghost" onClick={() => setAsJson(!asJson)}>
              {values === null ? t("runForm.asFields") : t("runForm.asJson")}
            </Button>
          )}
        </div>
        {event.isPending && input === undefined ? null : fields !== null && values !== null ? (
          <SchemaFields
            fields={fields}
            values={values}
            errors={faultsOf(start.error)}
            onChange={(next) => edit(JSON.stringify(next, null, 2))}
          />
        ) : (
          <>
            <CodeEditor
              label={t("runForm.input")}
              language="json"
              value={text}
              onChange={edit}
              onRun={() => void submit()}
              place={place}
              autoFocus
              className="h-56 border border-control"
            />
            <p aria-live="polite" className={problem === null ? "text-12 text-faint" : "text-12 text-bad"}>
              {problem === null ? t("runForm.help") : describe(problem, text)}
            </p>
          </>
        )}
        {isLonely ? <p className="text-12 text-warn">{t("runForm.noRunner")}</p> : null}
        <ErrorLine error={start.error} />
      </div>
    </Dialog>
  );
}

/** The object that the text holds; null when it holds anything else. */
function objectIn(text: string): Readonly<Record<string, Json>> | null {
  const value = tolerant(text);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)
    : null;
}

/** What the API found wrong, by pointer below the input. */
function faultsOf(error: unknown): Readonly<Record<string, string>> {
  const faults = error instanceof ApiError ? error.errors : [];
  return Object.fromEntries(faults.map(({ pointer, message }) => [pointer.replace(/^\/input/, ""), message]));
}

async function check(text: string): Promise<Checked> {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_INPUT_BYTES) {
    return { ok: false, message: t("runForm.tooLarge", formatBytes(bytes)), position: null };
  }
  const { readJson } = await import("../lib/strict-json.ts");
  try {
    return { ok: true, value: readJson(text) };
  } catch (error) {
    if (!(error instanceof AppError)) {
      throw error;
    }
    const position = error.context["position"];
    return { ok: false, message: error.message, position: typeof position === "number" ? position : null };
  }
}

function describe(problem: Extract<Checked, { ok: false }>, text: string): string {
  if (problem.position === null) {
    return problem.message;
  }
  const { line, column } = placeOf(text, problem.position);
  return t("runForm.errorAt", problem.message.replace(/, at character \d+\.$/, ""), line, column);
}

function tolerant(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
