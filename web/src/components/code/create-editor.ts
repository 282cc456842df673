/**
 * CodeMirror, loaded when a page first shows code. It lives in a shadow root: there it adopts its style sheets instead
 * of writing style elements, which the content security policy refuses. Colours are the page's own custom properties.
 */
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import {
  HighlightStyle,
  StreamLanguage,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

export type CodeLanguage = "python" | "node" | "bash" | "json" | "text";

export interface EditorOptions {
  readonly host: HTMLElement;
  readonly value: string;
  readonly language: CodeLanguage;
  readonly label: string;
  readonly readOnly: boolean;
  readonly describedBy: string | undefined;
  readonly onChange: (value: string) => void;
  readonly onSave: () => void;
  readonly onRun: () => void;
}

export interface Editor {
  readonly setValue: (value: string) => void;
  readonly setLanguage: (language: CodeLanguage) => void;
  readonly select: (position: number) => void;
  readonly focus: () => void;
  readonly destroy: () => void;
}

function languageOf(language: CodeLanguage): Extension {
  switch (language) {
    case "python":
      return [python(), indentUnit.of("    ")];
    case "node":
      return javascript({ typescript: true });
    case "bash":
      return StreamLanguage.define(shell);
    case "json":
      return json();
    case "text":
      return [];
    default:
      return language satisfies never;
  }
}

const theme = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--bg)", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--live)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 12px" },
  ".cm-gutters": {
    backgroundColor: "var(--bg)",
    color: "var(--faint)",
    border: "none",
    borderRight: "1px solid var(--line)",
  },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 8px 0 16px", minWidth: "40px" },
  ".cm-activeLine": { backgroundColor: "oklch(from var(--hover) l c h / 0.6)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--hover)", color: "var(--dim)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in oklch, var(--live) 24%, transparent)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--active)", outline: "1px solid var(--line-strong)" },
  ".cm-specialChar": { color: "var(--warn)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.moduleKeyword, tags.operatorKeyword], color: "var(--ansi-5)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--ansi-2)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--ansi-6)" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.definition(tags.variableName))],
    color: "var(--ansi-4)",
  },
  { tag: [tags.definition(tags.className), tags.typeName, tags.className], color: "var(--ansi-3)" },
  { tag: [tags.propertyName, tags.attributeName], color: "var(--ansi-4)" },
  { tag: [tags.comment, tags.meta], color: "var(--faint)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

/** Marks changes that the page makes; it knows them already. */
const fromPage = Annotation.define<boolean>();

export function createEditor(options: EditorOptions): Editor {
  const root = options.host.attachShadow({ mode: "open" });
  const language = new Compartment();
  const act = (action: () => void) => () => {
    action();
    return true;
  };
  const state = EditorState.create({
    doc: options.value,
    extensions: [
      keymap.of([
        { key: "Mod-s", run: act(options.onSave), preventDefault: true },
        { key: "Mod-Enter", run: act(options.onRun), preventDefault: true },
      ]),
      lineNumbers(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      bracketMatching(),
      options.readOnly ? [] : [highlightActiveLine(), highlightActiveLineGutter(), indentOnInput(), closeBrackets()],
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
      syntaxHighlighting(colours),
      theme,
      language.of(languageOf(options.language)),
      EditorState.readOnly.of(options.readOnly),
      EditorView.contentAttributes.of({
        "aria-label": options.label,
        // Editable content is in the tab order by itself; checkers only see it by name.
        tabindex: "0",
        ...(options.describedBy === undefined ? {} : { "aria-description": options.describedBy }),
      }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !update.transactions.some((change) => change.annotation(fromPage) === true)) {
          options.onChange(update.state.doc.toString());
        }
      }),
    ],
  });
  const view = new EditorView({ state, root, parent: root });
  return {
    setValue: (value) => {
      if (value !== view.state.doc.toString()) {
        view.dispatch({
          changes: { from: 0, to: view.state.doc.length, insert: value },
          annotations: fromPage.of(true),
        });
      }
    },
    setLanguage: (next) => view.dispatch({ effects: language.reconfigure(languageOf(next)) }),
    select: (position) => {
      const anchor = Math.min(Math.max(0, position), view.state.doc.length);
      view.dispatch({ selection: { anchor }, scrollIntoView: true });
      view.focus();
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
