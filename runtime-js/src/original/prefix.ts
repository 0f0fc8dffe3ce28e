// Where the original's examples work: below a path of one's own, which the environment or the user's name gives.

import { fromEnvironment } from "../environment.ts";

/** With a slash in front. */
export function normalizePathPrefix(prefix: string): string {
  return prefix.startsWith("/") ? prefix : `/${prefix}`;
}

/** `PATH_PREFIX`, or a path with the name of whoever is at the machine. */
export function getDefaultWorkshopPathPrefix(): string {
  const given = fromEnvironment("PATH_PREFIX", "WORKSHOP_PATH_PREFIX");
  if (given) return normalizePathPrefix(given);
  const user = fromEnvironment("USER", "LOGNAME", "USERNAME") ?? "workshop";
  return `/${user.toLowerCase().replace(/[^a-z0-9_-]+/g, "-")}`;
}

export const workshopPathPrefix = getDefaultWorkshopPathPrefix;
