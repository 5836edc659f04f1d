/** The API key of this browser, for both pages. */

const KEY_NAME = "regard-api-key";

/** The API key of this browser; empty if there is none. */
export function savedKey() {
  try {
    return window.localStorage.getItem(KEY_NAME) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} key */
export function saveKey(key) {
  try {
    window.localStorage.setItem(KEY_NAME, key);
  } catch {
    // without storage there is no key
  }
}

/** The header that brings the key. @returns {Record<string, string>} */
export function keyHeader() {
  const key = savedKey();
  return key ? { authorization: `Bearer ${key}` } : {};
}
