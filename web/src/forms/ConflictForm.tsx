import type { Event } from "@cronium/protocol/event";
import { type ReactNode, useState } from "react";
import { CodeEditor, CodeView } from "../components/code/CodeEditor.tsx";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { type EventDraft, draftOf } from "./event-draft.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { TextArea } from "../ui/Field.tsx";

export interface ConflictFormProps {
  readonly mine: EventDraft;
  /** Version the edit started from. */
  readonly baseVersion: number;
  readonly theirs: Event;
  readonly error: unknown;
  readonly busy: boolean;
  readonly onTakeTheirs: () => void;
  readonly onKeep: (merged: EventDraft) => void;
  readonly onClose: () => void;
}

const SETTINGS = [
  "name",
  "description",
  "runtime",
  "defaultInput",
  "inputSchema",
  "timeout",
  "memoryMb",
  "labels",
  "mounts",
  "env",
  "secrets",
  "secretEnv",
  "scriptRetries",
  "maxAttempts",
  "onLost",
  "container",
] as const;

/** Two people saved: both versions side by side, nothing lost. The right side can be edited until it holds both. */
export function ConflictForm(props: ConflictFormProps): ReactNode {
  const { theirs } = props;
  const [merged, setMerged] = useState(props.mine);
  const saved = draftOf(theirs);
  const differing = SETTINGS.filter((field) => props.mine[field] !== saved[field]);
  return (
    <Dialog
      open
      onClose={props.onClose}
      shape="wide"
      title={t("conflict.title")}
      footer={
        <>
          <ErrorLine error={props.error} />
          <Button onClick={props.onTakeTheirs}>{t("conflict.takeTheirs")}</Button>
          <Button look="primary" busy={props.busy} onClick={() => props.onKeep(merged)}>
            {t("conflict.keepMine")}
          </Button>
        </>
      }
    >
      <div className="flex h-full flex-col gap-4">
        <p className="max-w-[90ch] text-dim">{t("conflict.body", props.baseVersion, theirs.version)}</p>
        <div className="grid min-h-96 flex-1 gap-4 md:grid-cols-2">
          <Side title={t("conflict.theirs", theirs.version)}>
            <CodeView
              label={t("conflict.theirs", theirs.version)}
              language={saved.runtime}
              value={saved.script}
              className="min-h-64 flex-1 border border-line"
            />
          </Side>
          <Side title={t("conflict.mine")}>
            <CodeEditor
              label={t("conflict.mine")}
              language={merged.runtime}
              value={merged.script}
              onChange={(script) => setMerged({ ...merged, script })}
              className="min-h-64 flex-1 border border-control"
            />
          </Side>
          {differing.map((field) => (
            <div key={field} className="contents">
              <Side title={settingName(field)}>
                <pre className="whitespace-pre-wrap border border-line bg-rail px-2 py-1.5 font-mono text-12">
                  {saved[field] || "–"}
                </pre>
              </Side>
              <Side title={`${settingName(field)} (${t("conflict.mine")})`}>
                <TextArea
                  aria-label={`${settingName(field)} (${t("conflict.mine")})`}
                  value={merged[field]}
                  rows={Math.min(6, merged[field].split("\n").length)}
                  onChange={(change) => setMerged({ ...merged, [field]: change.target.value })}
                  className="font-mono text-12"
                />
              </Side>
            </div>
          ))}
        </div>
      </div>
    </Dialog>
  );
}

function Side({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <section className="flex min-w-0 flex-col gap-1">
      <h3 className="text-12 font-medium text-dim">{title}</h3>
      {children}
    </section>
  );
}

const NAMES = {
  name: "editor.name",
  description: "editor.description",
  runtime: "editor.runtime",
  defaultInput: "editor.defaultInput",
  inputSchema: "editor.inputSchema",
  timeout: "editor.timeout",
  memoryMb: "editor.memory",
  labels: "editor.labels",
  mounts: "editor.mounts",
  env: "editor.env",
  secrets: "picker.secrets",
  secretEnv: "picker.secretEnv",
  scriptRetries: "editor.scriptRetries",
  maxAttempts: "editor.maxAttempts",
  onLost: "editor.onLost",
  container: "editor.container",
} as const satisfies Record<(typeof SETTINGS)[number], string>;

function settingName(field: (typeof SETTINGS)[number]): string {
  return t(NAMES[field]);
}
