// The package's entry point. It registers the four elements once for each page, also if the page loads several copies.
import { SrCredentialForm } from './sr-credential-form/sr-credential-form.js';
import { SrCredentialList } from './sr-credential-list/sr-credential-list.js';
import { SrCredentialSelector } from './sr-credential-selector/sr-credential-selector.js';
import { SrOauthButton } from './sr-oauth-button/sr-oauth-button.js';

const elements = {
  'sr-oauth-button': SrOauthButton,
  'sr-credential-form': SrCredentialForm,
  'sr-credential-selector': SrCredentialSelector,
  'sr-credential-list': SrCredentialList,
};

for (const [tag, element] of Object.entries(elements)) {
  if (!customElements.get(tag)) customElements.define(tag, element);
}

export { finishConnection, type Finished } from './connection/return.js';
export { SrCredentialForm, SrCredentialList, SrCredentialSelector, SrOauthButton };
export type { Credential, Verdict } from './api/types.js';
export type { ErrorDetail, Theme } from './element.js';
export type { Overrides } from './i18n/messages.js';
export { forgetSession } from './api/session.js';
export type { TokenSource } from './api/session.js';
export type { ConnectDetail } from './connection/detail.js';
