import type { ReactNode } from "react";
import { Mark } from "../../components/Mark.tsx";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { buttonClasses } from "../../ui/Button.tsx";
import { TextLink } from "../../ui/TextLink.tsx";

/** `main`: the one thing left to do on the page. */
export function BackToSignIn({ look = "aside" }: { readonly look?: "main" | "aside" }): ReactNode {
  return (
    <TextLink
      to={paths.signIn()}
      quiet
      className={`${buttonClasses(look === "main" ? "primary" : undefined)} self-start`}
    >
      {look === "main" ? t("signIn.submit") : t("claim.toSignIn")}
    </TextLink>
  );
}

/** Pages of people who are not signed in: one narrow column, nothing else. */
export function AccountFrame({
  title,
  intro,
  children,
}: {
  readonly title: string;
  readonly intro?: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-88 flex-col gap-6 px-4 pb-8 pt-[min(18vh,160px)]">
      <p className="flex items-center gap-2 text-15 font-semibold">
        <Mark />
        {t("app.name")}
      </p>
      <div className="flex flex-col gap-1">
        <h1 className="text-24 font-semibold">{title}</h1>
        {intro === undefined ? null : <p className="text-dim">{intro}</p>}
      </div>
      {children}
    </main>
  );
}
