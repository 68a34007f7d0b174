/** Which file names Shale takes for Dockerfiles; `shale check` of a folder takes the same. */

const templates = new Set(["j2", "tmpl", "tpl", "template", "erb", "in", "md", "bak", "dockerignore", "containerignore"]);

/** Files of a workspace that may be Dockerfiles; named() judges them. */
export const candidates = "**/{Dockerfile,Containerfile,Dockerfile.*,Containerfile.*,*.Dockerfile,*.dockerfile}";

export function named(name: string): boolean {
  if (/^(Dockerfile|Containerfile)\./.test(name)) {
    return !template(name);
  }
  return name === "Dockerfile" || name === "Containerfile" || /\.[Dd]ockerfile$/.test(name);
}

/**
 * VS Code takes every Dockerfile.* for a Dockerfile. Templates of Dockerfiles keep
 * their colours, but are no Dockerfiles until they are filled in.
 */
export function template(name: string): boolean {
  if (!/^(Dockerfile|Containerfile)\./i.test(name)) {
    return false;
  }
  const suffix = name.slice(name.lastIndexOf(".") + 1);
  return templates.has(suffix) || suffix.startsWith("jinja");
}
