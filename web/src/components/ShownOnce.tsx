import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { CopyLine } from "./CopyLine.tsx";

export interface ShownOnceProps {
  readonly title: string;
  readonly body: string;
  readonly text: string;
  /** On the button that copies it. */
  readonly copy: string;
  readonly onClose: () => void;
}

/** A link or key that nobody can see again. */
export function ShownOnce({ title, body, text, copy, onClose }: ShownOnceProps): ReactNode {
  return (
    <Dialog open onClose={onClose} shape="sheet" title={title}>
      <div className="flex flex-col gap-4">
        <p className="max-w-[60ch]">{body}</p>
        <CopyLine text={text} label={copy} />
        <Button look="primary" className="self-start" onClick={onClose}>
          {t("action.close")}
        </Button>
      </div>
    </Dialog>
  );
}
