import type { ReactNode } from "react";
import { EmptyState } from "../components/EmptyState.tsx";
import { useTitle } from "../lib/document-title.ts";
import { paths } from "../lib/paths.ts";
import { t } from "../lib/text.ts";
import { TextLink } from "../ui/TextLink.tsx";

export function NotFoundPage(): ReactNode {
  useTitle(t("error.notFoundTitle"));
  return (
    <EmptyState
      title={t("error.notFound")}
      help={t("error.notFoundHint")}
      action={<TextLink to={paths.runs()}>{t("nav.runs")}</TextLink>}
    />
  );
}
