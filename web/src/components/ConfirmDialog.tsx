import { type ReactNode, useRef } from "react";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";

export interface ConfirmDialogProps {
  readonly open: boolean;
  readonly title: string;
  readonly body: ReactNode;
  readonly confirm: string;
  readonly keep: string;
  readonly busy?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before what cannot be undone; everything else happens at once. Focus starts on the harmless answer. */
export function ConfirmDialog(props: ConfirmDialogProps): ReactNode {
  const keepRef = useRef<HTMLButtonElement>(null);
  return (
    <Dialog
      open={props.open}
      onClose={props.onClose}
      title={props.title}
      initialFocus={keepRef}
      footer={
        <>
          <Button ref={keepRef} onClick={props.onClose}>
            {props.keep}
          </Button>
          <Button look="danger" busy={props.busy ?? false} onClick={props.onConfirm}>
            {props.confirm}
          </Button>
        </>
      }
    >
      <div className="max-w-[60ch]">{props.body}</div>
    </Dialog>
  );
}
