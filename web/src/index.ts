// The package's door: registers the four elements, once for each page, however many copies of this module it loads.
import { SrCredentialForm } from './sr-credential-form.js';
import { SrCredentialList } from './sr-credential-list.js';
import { SrCredentialSelector } from './sr-credential-selector.js';
import { SrOauthButton } from './sr-oauth-button.js';

const elements = {
  'sr-oauth-button': SrOauthButton,
  'sr-credential-form': SrCredentialForm,
  'sr-credential-selector': SrCredentialSelector,
  'sr-credential-list': SrCredentialList,
};

for (const [tag, element] of Object.entries(elements)) {
  if (!customElements.get(tag)) customElements.define(tag, element);
}

export { finishConnection, type Finished } from './handoff.js';
export { SrCredentialForm, SrCredentialList, SrCredentialSelector, SrOauthButton };
export type { Credential, Verdict } from './api/types.js';
export type { ErrorDetail, Theme } from './element.js';
export type { Overrides } from './messages.js';
export { forgetSession } from './session.js';
export type { TokenSource } from './session.js';
export type { ConnectDetail } from './sr-oauth-button.js';
