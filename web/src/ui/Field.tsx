import { type ComponentProps, type ReactNode, useId } from "react";
import { classes } from "./classes.ts";

export interface FieldProps {
  readonly label: string;
  readonly help?: ReactNode;
  readonly error?: string | undefined;
  /** Gets the ids that tie label, help and error to the control. */
  readonly children: (control: ControlProps) => ReactNode;
}

export interface ControlProps {
  readonly id: string;
  readonly "aria-invalid": true | undefined;
  readonly "aria-describedby": string | undefined;
}

export function Field({ label, help, error, children }: FieldProps): ReactNode {
  const id = useId();
  const noteId = `${id}-note`;
  const hasNote = error !== undefined || help !== undefined;
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-12 font-medium text-dim">
        {label}
      </label>
      {children({
        id,
        "aria-invalid": error === undefined ? undefined : true,
        "aria-describedby": hasNote ? noteId : undefined,
      })}
      {hasNote ? (
        <p id={noteId} className={classes("text-12", error === undefined ? "text-faint" : "text-bad")}>
          {error ?? help}
        </p>
      ) : null}
    </div>
  );
}

const CONTROL =
  "w-full rounded-control border border-control bg-layer px-2 text-13 text-text outline-offset-0 aria-invalid:border-bad pointer-coarse:min-h-11";

export function Input({ className, ...rest }: ComponentProps<"input">): ReactNode {
  return <input className={classes(CONTROL, "h-8", className)} {...rest} />;
}

export function TextArea({ className, ...rest }: ComponentProps<"textarea">): ReactNode {
  return <textarea className={classes(CONTROL, "resize-y py-1.5", className)} {...rest} />;
}

export function Select({ className, children, ...rest }: ComponentProps<"select">): ReactNode {
  return (
    <select className={classes(CONTROL, "h-8", className)} {...rest}>
      {children}
    </select>
  );
}
