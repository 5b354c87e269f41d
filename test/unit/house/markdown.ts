/** The texts of the `# ` headings. */
export function titles(text: string): string[] {
  return [...prose(text).matchAll(/^# (.+)$/gm)].map((match) => match[1] ?? "");
}

/** Relative link targets that do not exist: `pageAt` gives the text behind a path, or null. */
export function brokenLinks(text: string, pageAt: (target: string) => string | null): string[] {
  const targets = [...prose(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)|(?:src|href)="([^"]+)"/g)].map(
    (match) => match[1] ?? match[2] ?? "",
  );
  return targets
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
    .filter((target) => {
      const [path = "", anchor] = target.split("#");
      const page = path === "" ? text : pageAt(decodeURIComponent(path));
      return page === null || (anchor !== undefined && page !== "" && !anchors(page).includes(anchor));
    });
}

/** Without code, in which a `#` or a bracket means something else. */
function prose(text: string): string {
  return text.replaceAll(/^( *)(`{3,}|~{3,})[\s\S]*?^\1\2/gm, "").replaceAll(/`[^`\n]*`/g, "");
}

/** The anchors that GitHub gives the headings of a page. */
function anchors(page: string): string[] {
  const text = page.replaceAll(/^( *)(`{3,}|~{3,})[\s\S]*?^\1\2/gm, "");
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? "");
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(/\s/g, "-"),
  );
}
