import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { copyText } from "../lib/clipboard.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { icon } from "../ui/icons.ts";

/** A command or text with its own copy button; long ones wrap. */
export function CopyLine({ text, label }: { readonly text: string; readonly label?: string }): ReactNode {
  return (
    <div className="flex w-full min-w-0 items-start gap-2 border border-line bg-rail py-1.5 pl-3 pr-1.5">
      <code className="min-w-0 flex-1 whitespace-pre-wrap py-1 font-mono text-12 leading-[18px]">{text}</code>
      <CopyButton text={text} label={label ?? t("action.copy")} />
    </div>
  );
}

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const [outcome, setOutcome] = useState<"idle" | "copied" | "refused">("idle");
  useEffect(() => {
    if (outcome === "idle") {
      return undefined;
    }
    const timer = setTimeout(() => setOutcome("idle"), 2_000);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = (): void => {
    void copyText(text).then((copied) => setOutcome(copied ? "copied" : "refused"));
  };
  return (
    <Button size="small" onClick={copy} icon={outcome === "copied" ? <Check {...icon} /> : <Copy {...icon} />}>
      <span aria-live="polite">
        {outcome === "copied" ? t("action.copied") : outcome === "refused" ? t("action.copyFailed") : label}
      </span>
    </Button>
  );
}
