import type { NewEvent } from "@cronium/protocol/api/events";
import type { Runner } from "@cronium/protocol/runner-view";
import { useBlocker } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { CodeEditor } from "../components/code/CodeEditor.tsx";
import { ConfirmDialog } from "../components/ConfirmDialog.tsx";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ApiError } from "../lib/api-error.ts";
import {
  type DraftErrors,
  type EventDraft,
  fieldOfPointer,
  isStarterScript,
  readDraft,
  starterScript,
} from "./event-draft.ts";
import { parsePairs } from "../lib/pairs.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { classes } from "../ui/classes.ts";
import { Input } from "../ui/Field.tsx";
import { icon } from "../ui/icons.ts";
import { EventFields } from "./EventFields.tsx";

export interface EventFormProps {
  readonly title: string;
  /** Null for one that is not saved yet. */
  readonly eventId: string | null;
  readonly initial: EventDraft;
  readonly isNew: boolean;
  /** What the page says about the last save. */
  readonly savedNote: string | null;
  readonly runners: readonly Runner[];
  /** Saves; the draft counts as saved when it resolves to true. Errors of fields are shown at the fields. */
  readonly onSave: (event: NewEvent) => Promise<boolean>;
  /** Runs the saved event; absent while there is none. */
  readonly onRun?: () => void;
}

/** Script on the left, settings on the right. `Mod+S` saves, `Mod+Enter` saves and runs. */
export function EventForm(props: EventFormProps): ReactNode {
  const { initial, isNew, onSave, onRun } = props;
  const [draft, setDraft] = useState(initial);
  const isDirty = !sameDraft(draft, initial);
  // Keys and editor callbacks act on what was typed last, also between two renders.
  const typed = useRef({ draft, isDirty });
  typed.current = { draft, isDirty };
  const [errors, setErrors] = useState<DraftErrors>({});
  const [failure, setFailure] = useState<unknown>(null);
  const [isSaving, setSaving] = useState(false);
  const savedRef = useRef(false);
  const submitted = useRef<EventDraft | null>(null);

  useEffect(() => {
    // What was typed while a save was under way stays, now on top of the saved version.
    if (submitted.current === null || sameDraft(typed.current.draft, submitted.current)) {
      setDraft(initial);
      setErrors({});
    }
    submitted.current = null;
  }, [initial]);

  const leave = useBlocker({
    shouldBlockFn: () => typed.current.isDirty && !savedRef.current,
    enableBeforeUnload: () => typed.current.isDirty && !savedRef.current,
    withResolver: true,
  });

  const change = (next: Partial<EventDraft>): void => {
    const known = typed.current.draft;
    const { runtime } = next;
    const isStarter = isNew && runtime !== undefined && isStarterScript(known.script);
    const after = { ...known, ...next, ...(isStarter ? { script: starterScript(runtime) } : {}) };
    typed.current = { draft: after, isDirty: !sameDraft(after, initial) };
    savedRef.current = false;
    setDraft(after);
    setErrors((before) => withoutFields(before, Object.keys(next)));
  };

  const save = async (): Promise<boolean> => {
    if (isSaving) {
      return false;
    }
    const values = typed.current.draft;
    const read = readDraft(values);
    if (!read.ok) {
      setErrors(read.errors);
      return false;
    }
    setSaving(true);
    setFailure(null);
    savedRef.current = true;
    submitted.current = values;
    try {
      const isSaved = await onSave(read.event);
      savedRef.current = isSaved && typed.current.draft === values;
      return isSaved;
    } catch (error) {
      savedRef.current = false;
      const atFields = fieldErrors(error, values);
      setErrors(atFields);
      setFailure(Object.keys(atFields).length > 0 ? null : error);
      return false;
    } finally {
      setSaving(false);
    }
  };

  const run = async (): Promise<void> => {
    if (onRun !== undefined && (!typed.current.isDirty || (await save()))) {
      onRun();
    }
  };
  useShortcuts(
    () => void save(),
    () => void run(),
  );

  const hasErrors = Object.keys(errors).length > 0;
  return (
    <div className="flex flex-1 flex-col lg:min-h-0">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-3 lg:px-6">
        <h1 className="sr-only">{props.title}</h1>
        <div className="min-w-48 flex-1 max-lg:basis-full">
          <Input
            aria-label={t("editor.name")}
            aria-invalid={errors.name !== undefined || undefined}
            aria-describedby="event-name-error"
            placeholder={t("editor.name")}
            value={draft.name}
            maxLength={200}
            autoFocus={isNew}
            onChange={(event) => change({ name: event.target.value })}
            className="text-15! font-semibold"
          />
          <p id="event-name-error" className="text-12 text-bad empty:hidden">
            {errors.name}
          </p>
        </div>
        <span
          aria-live="polite"
          className={classes("text-12 empty:hidden", hasErrors ? "text-bad" : isDirty ? "text-warn" : "text-faint")}
        >
          {hasErrors
            ? t("editor.fix")
            : isSaving
              ? t("editor.saving")
              : isDirty
                ? t("editor.unsaved")
                : props.savedNote}
        </span>
        {onRun === undefined ? null : (
          <Button icon={<Play {...icon} />} onClick={() => void run()}>
            {isDirty ? t("editor.saveAndRun") : t("editor.run")}
          </Button>
        )}
        <Button
          look="primary"
          busy={isSaving}
          blocked={!isDirty && !isNew ? t("editor.unchanged") : undefined}
          onClick={() => void save()}
        >
          {isNew ? t("editor.create") : t("editor.save")}
        </Button>
      </header>
      {failure === null ? null : (
        <div className="border-b border-line px-4 py-2 lg:px-6">
          <ErrorLine error={failure} />
        </div>
      )}
      <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
        <section aria-label={t("editor.code")} className="flex min-h-[50dvh] min-w-0 flex-1 flex-col lg:min-h-0">
          {errors.script === undefined ? null : <p className="px-4 py-1.5 text-12 text-bad">{errors.script}</p>}
          <CodeEditor
            label={t("editor.code")}
            language={draft.runtime}
            value={draft.script}
            onChange={(script) => change({ script })}
            onSave={() => void save()}
            onRun={() => void run()}
            className="flex-1"
          />
        </section>
        <aside
          aria-label={t("event.settings")}
          className="border-t border-line px-4 py-4 lg:w-88 lg:shrink-0 lg:overflow-y-auto lg:border-l lg:border-t-0"
        >
          <EventFields
            eventId={props.eventId}
            draft={draft}
            errors={errors}
            onChange={change}
            labelWarning={labelWarning(draft.labels, props.runners)}
          />
        </aside>
      </div>
      <ConfirmDialog
        open={leave.status === "blocked"}
        title={t("leave.title")}
        body={t("leave.body")}
        confirm={t("leave.go")}
        keep={t("leave.stay")}
        onConfirm={() => leave.proceed?.()}
        onClose={() => leave.reset?.()}
      />
    </div>
  );
}

function sameDraft(one: EventDraft, other: EventDraft): boolean {
  return (Object.keys(one) as (keyof EventDraft)[]).every((field) => one[field] === other[field]);
}

function withoutFields(errors: DraftErrors, fields: readonly string[]): DraftErrors {
  return Object.fromEntries(Object.entries(errors).filter(([field]) => !fields.includes(field)));
}

function fieldErrors(error: unknown, draft: EventDraft): DraftErrors {
  if (!(error instanceof ApiError)) {
    return {};
  }
  const entries = error.errors.flatMap((one) => {
    const field = fieldOfPointer(one.pointer, draft);
    return field === null
      ? []
      : [[field, `${one.pointer.split("/").slice(2).join("/")} ${one.message}`.trim()] as const];
  });
  return Object.fromEntries(entries);
}

/** Says so now, not when a run waits for ever. */
function labelWarning(text: string, runners: readonly Runner[]): string | null {
  const wanted = parsePairs(text);
  if (!wanted.ok || Object.keys(wanted.pairs).length === 0) {
    return null;
  }
  const missing = Object.entries(wanted.pairs);
  const fits = runners.some((runner) => missing.every(([key, value]) => runner.labels[key] === value));
  return fits ? null : t("editor.noFit", missing.map(([key, value]) => `${key}=${value}`).join(", "));
}

/** The same keys as in the editor, from anywhere on the page. */
function useShortcuts(save: () => void, run: () => void): void {
  const latest = useRef({ save, run });
  latest.current = { save, run };
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (
        !(event.metaKey || event.ctrlKey) ||
        event.defaultPrevented ||
        document.querySelector("[role=dialog]") !== null
      ) {
        return;
      }
      if (event.key === "s") {
        event.preventDefault();
        latest.current.save();
      } else if (event.key === "Enter") {
        event.preventDefault();
        latest.current.run();
      }
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
