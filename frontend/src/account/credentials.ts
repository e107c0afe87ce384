/** The service's bounds on names and passwords, told before anything is sent. */

import { texts } from '../texts';

/** Lengths count code points, as the service does. */
const isOutside = (text: string, low: number, high: number) => [...text].length < low || [...text].length > high;

export function usernameProblem(username: string): string | undefined {
  return isOutside(username, 3, 40) ? texts.account.usernameLength : undefined;
}

export function passwordProblem(password: string): string | undefined {
  return isOutside(password, 8, 128) ? texts.account.passwordLength : undefined;
}
