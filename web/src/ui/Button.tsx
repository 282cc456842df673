import type { ComponentProps, ReactNode } from "react";
import { classes } from "./classes.ts";
import { Tip } from "./Tip.tsx";

export type ButtonLook = "primary" | "plain" | "ghost" | "danger";

const LOOKS = {
  primary: "bg-inverse text-on-inverse hover:bg-inverse-hover border-transparent",
  plain: "bg-layer text-text border-line-strong hover:bg-hover",
  ghost: "bg-transparent text-dim border-transparent hover:bg-hover hover:text-text",
  danger: "bg-layer text-bad border-line-strong hover:bg-bad-wash",
} as const satisfies Record<ButtonLook, string>;

export function buttonClasses(look: ButtonLook = "plain", size: "small" | "medium" = "medium"): string {
  return classes(
    "hit inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-control border font-medium select-none",
    "transition-colors duration-100 ease-out aria-disabled:cursor-not-allowed aria-disabled:opacity-55 disabled:cursor-not-allowed disabled:opacity-55",
    size === "small" ? "h-7 px-2.5 text-12" : "h-8 px-3 text-13",
    LOOKS[look],
  );
}

export interface ButtonProps extends Omit<ComponentProps<"button">, "disabled"> {
  readonly look?: ButtonLook;
  readonly size?: "small" | "medium";
  readonly icon?: ReactNode;
  /** Why the button does nothing now; it stays reachable and says so. */
  readonly blocked?: string | undefined;
  /** Work is going on: further clicks do nothing. */
  readonly busy?: boolean;
}

export function Button(props: ButtonProps): ReactNode {
  const { look, size, icon, blocked, busy = false, children, className, onClick, type = "button", ...rest } = props;
  const isOff = busy || blocked !== undefined;
  const button = (
    <button
      type={type}
      className={classes(buttonClasses(look, size), className)}
      aria-disabled={isOff || undefined}
      aria-busy={busy || undefined}
      onClick={(click) => {
        if (isOff) {
          click.preventDefault();
        } else {
          onClick?.(click);
        }
      }}
      {...rest}
    >
      {icon}
      {children}
    </button>
  );
  return blocked === undefined ? button : <Tip text={blocked}>{button}</Tip>;
}

export interface IconButtonProps extends Omit<ButtonProps, "children" | "icon"> {
  readonly label: string;
  readonly children: ReactNode;
}

export function IconButton({ label, children, size = "medium", className, ...rest }: IconButtonProps): ReactNode {
  return (
    <Tip text={rest.blocked ?? label}>
      <button
        type="button"
        {...iconRest(rest)}
        aria-label={label}
        className={classes(
          buttonClasses(rest.look ?? "ghost", size),
          size === "small" ? "w-7 px-0!" : "w-8 px-0!",
          className,
        )}
      >
        {children}
      </button>
    </Tip>
  );
}

function iconRest(props: Omit<IconButtonProps, "label" | "children" | "size" | "className">): ComponentProps<"button"> {
  const { look: _look, blocked, busy, ...rest } = props;
  const isOff = blocked !== undefined || busy === true;
  return { ...rest, "aria-disabled": isOff || undefined, ...(isOff ? { onClick: undefined } : {}) };
}
