/** One thing that `tenma doctor` has looked at. */
export interface Check {
  name: string;
  status: 'ok' | 'warning' | 'failed';
  detail: string;
  hint?: string;
  /** `TYPE@VERSION` of what is known, and what no WEE runs. */
  not_run?: readonly string[];
  /** Types that something submits, and LE does not know. */
  unknown?: readonly string[];
}
