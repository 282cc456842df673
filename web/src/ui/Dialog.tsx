import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode, RefObject } from "react";
import { t } from "../lib/text.ts";
import { buttonClasses } from "./Button.tsx";
import { classes } from "./classes.ts";

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
  /** Buttons, the main one last. */
  readonly footer?: ReactNode;
  /** `sheet` slides in from the right; `wide` leaves room for two columns. */
  readonly shape?: "middle" | "wide" | "sheet";
  readonly initialFocus?: RefObject<HTMLElement | null>;
}

const SHAPES = {
  middle:
    "inset-x-0 bottom-0 max-h-[92dvh] rounded-t-layer sm:inset-x-auto sm:bottom-auto sm:left-1/2 sm:top-[12vh] sm:w-[min(560px,calc(100vw-32px))] sm:max-h-[76vh] sm:-translate-x-1/2 sm:rounded-layer",
  wide: "inset-2 rounded-layer lg:inset-8 xl:inset-x-24",
  sheet: "inset-y-0 right-0 w-full sm:w-[min(520px,100vw)] sm:border-l",
} as const;

/** A dialog over the page: traps focus, closes on Escape, returns focus to what opened it. */
export function Dialog({
  open,
  onClose,
  title,
  children,
  footer,
  shape = "middle",
  initialFocus,
}: DialogProps): ReactNode {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-30 bg-veil transition-opacity duration-160 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Base.Popup
          {...(initialFocus === undefined ? {} : { initialFocus })}
          className={classes(
            "fixed z-40 flex flex-col border border-line bg-layer shadow-layer outline-none transition-opacity duration-160 data-ending-style:opacity-0 data-starting-style:opacity-0",
            SHAPES[shape],
          )}
        >
          <header className="flex min-h-12 items-center gap-3 border-b border-line py-2 pl-4 pr-2">
            <Base.Title className="line-clamp-2 flex-1 text-15 font-semibold">{title}</Base.Title>
            <Base.Close className={classes(buttonClasses("ghost"), "w-8 px-0!")} aria-label={t("action.close")}>
              <X size={16} strokeWidth={1.5} />
            </Base.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
          {footer === undefined ? null : (
            <footer className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-4 py-3">
              {footer}
            </footer>
          )}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
