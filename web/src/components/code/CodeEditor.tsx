import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { t } from "../../lib/text.ts";
import { TextArea } from "../../ui/Field.tsx";
import { classes } from "../../ui/classes.ts";
import type { CodeLanguage, Editor } from "./create-editor.ts";

export type { CodeLanguage } from "./create-editor.ts";

export interface CodeEditorProps {
  readonly label: string;
  readonly value: string;
  readonly language: CodeLanguage;
  readonly onChange?: (value: string) => void;
  readonly onSave?: () => void;
  readonly onRun?: () => void;
  readonly readOnly?: boolean;
  readonly className?: string;
  readonly autoFocus?: boolean;
  /** Puts the cursor at this character whenever the object changes. */
  readonly place?: { readonly position: number } | null;
}

/** Values typed but not yet seen back; React is never this far behind. */
const MAX_ECHOES = 100;

/** Phones edit in a plain text field: their keyboards and selection handles work there. */
const isPhone = (): boolean => matchMedia("(pointer: coarse) and (max-width: 40rem)").matches;

/** Code with line numbers and colours. Until the editor has loaded, and where it cannot, a text field stands in. */
export function CodeEditor(props: CodeEditorProps): ReactNode {
  const { label, value, language, readOnly = false, place = null, autoFocus = false } = props;
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const latest = useRef(props);
  const typed = useRef<readonly string[]>([]);
  latest.current = props;
  const [mode, setMode] = useState<"loading" | "editor" | "field">(isPhone() ? "field" : "loading");
  const helpId = useId();
  const wantsEditor = mode !== "field";

  useEffect(() => {
    const parent = host.current;
    if (!wantsEditor || parent === null) {
      return undefined;
    }
    let isGone = false;
    const inner = document.createElement("div");
    inner.className = "absolute inset-0";
    const open = async (): Promise<void> => {
      const { createEditor } = await import("./create-editor.ts");
      if (isGone) {
        return;
      }
      parent.append(inner);
      editor.current = createEditor({
        host: inner,
        value: latest.current.value,
        language: latest.current.language,
        label: latest.current.label,
        readOnly: latest.current.readOnly ?? false,
        describedBy: latest.current.readOnly === true ? undefined : t("editor.help"),
        onChange: (next) => {
          typed.current = [...typed.current.slice(-MAX_ECHOES), next];
          latest.current.onChange?.(next);
        },
        onSave: () => latest.current.onSave?.(),
        onRun: () => latest.current.onRun?.(),
      });
      setMode("editor");
      if (latest.current.autoFocus === true) {
        editor.current.focus();
      }
    };
    open().catch(() => setMode("field"));
    return () => {
      isGone = true;
      editor.current?.destroy();
      editor.current = null;
      inner.remove();
    };
  }, [wantsEditor]);

  useEffect(() => {
    // React shows a value a moment after it was typed. By then more may have been typed, so a value that came from the
    // editor itself is only ticked off; writing it back would take the newer characters away.
    const echo = typed.current.indexOf(value);
    if (echo === -1) {
      typed.current = [];
      editor.current?.setValue(value);
    } else {
      typed.current = typed.current.slice(echo);
    }
  }, [value]);
  useEffect(() => editor.current?.setLanguage(language), [language]);
  useEffect(() => {
    if (place !== null) {
      editor.current?.select(place.position);
    }
  }, [place]);

  return (
    <div
      ref={host}
      className={classes("relative min-h-0 overflow-hidden bg-bg", props.className)}
      data-code-editor={mode}
    >
      {mode === "editor" ? null : (
        <>
          <TextArea
            aria-label={label}
            aria-describedby={helpId}
            value={value}
            readOnly={readOnly || props.onChange === undefined}
            spellCheck={false}
            autoCapitalize="off"
            autoFocus={autoFocus && mode === "field"}
            onChange={(change) => props.onChange?.(change.target.value)}
            className="absolute! inset-0 h-full! resize-none! rounded-none! border-0! bg-bg! font-mono whitespace-pre overflow-auto"
          />
          <span id={helpId} className="sr-only">
            {mode === "loading" ? t("editor.loading") : label}
          </span>
        </>
      )}
    </div>
  );
}

/** Code to read. */
export function CodeView(props: Pick<CodeEditorProps, "label" | "value" | "language" | "className">): ReactNode {
  return <CodeEditor {...props} readOnly />;
}
