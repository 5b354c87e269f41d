/** Names as they appear in commands and reports. They are plain strings; these helpers are the only place that knows their form. */

/** `r42`: release number 42 of an app. */
export type ReleaseName = string;
/** `d7`: deployment number 7 of an app. */
export type DeploymentName = string;
/** `web.r42.3`: the third instance of process type `web` ever started on release 42. One name is one process, never reused. */
export type InstanceName = string;

export const releaseName = (number: number): ReleaseName => `r${String(number)}`;
export const deploymentName = (number: number): DeploymentName => `d${String(number)}`;
export const instanceName = (type: string, release: ReleaseName, number: number): InstanceName =>
  `${type}.${release}.${String(number)}`;

/** The number at the end of `web.r42.3`: each instance of an app has a higher one than those before it. */
export const instanceNumber = (name: InstanceName): number => Number(name.slice(name.lastIndexOf(".") + 1));

/** The number in `r42` or `d7`, or null if the text has another form. */
export function nameNumber(name: string): number | null {
  const match = /^[rd]([1-9]\d{0,8})$/.exec(name);
  return match ? Number(match[1]) : null;
}

/** What app and process type names may look like: they become directory names and environment values. */
export const NAME_PATTERN = /^[a-z][a-z0-9-]{0,39}$/;
