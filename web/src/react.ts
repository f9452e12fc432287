// The elements as React components, by @lit/react. Properties and events are set on the element itself, also after
// server rendering. On a server, a component prints its tag with the attributes that HTML can express.
import { createComponent, type EventName, type ReactWebComponent } from '@lit/react';
import * as React from 'react';
import {
  SrCredentialForm,
  SrCredentialList,
  SrCredentialSelector,
  SrOauthButton,
  type ConnectDetail,
  type Credential,
  type ErrorDetail,
  type Verdict,
} from '@strongroom/elements';

const event = <Detail>(name: string) => name as EventName<CustomEvent<Detail>>;

const events = {
  onError: event<ErrorDetail>('sr-error'),
  onSessionExpired: event<null>('sr-session-expired'),
  onConnectStart: event<{ plugin: string }>('sr-connect-start'),
  onConnect: event<ConnectDetail>('sr-connect'),
  onConnectError: event<{ code: string }>('sr-connect-error'),
  onDisconnect: event<{ credentialId: string }>('sr-disconnect'),
};

const listEvents = {
  ...events,
  onLoad: event<{ count: number }>('sr-load'),
  onCreateRequest: event<{ plugin: string }>('sr-create-request'),
  onEditRequest: event<{ id: string; reconnect: boolean }>('sr-edit-request'),
};

const isServer = typeof window === 'undefined';

/** Properties whose attribute is not the name in kebab case. */
const SPELLED: Record<string, string> = { className: 'class', testing: 'test' };

/** The attributes of these properties. Other values than texts, numbers and flags are set later by the browser. */
function attributesOf(props: Record<string, unknown>): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(props)) {
    const isAttribute = typeof value === 'string' || typeof value === 'number' || value === true;
    if (name === 'style' || name === 'children') attributes[name] = value;
    else if (isAttribute) attributes[SPELLED[name] ?? name.replace(/[A-Z]/g, '-$&').toLowerCase()] = value;
  }
  return attributes;
}

function wrap<Element extends HTMLElement, Events extends Record<string, EventName | string>>(
  tagName: string,
  elementClass: new () => Element,
  own: Events,
): ReactWebComponent<Element, Events> {
  if (!isServer) return createComponent({ react: React, tagName, elementClass, events: own });
  const Printed = React.forwardRef((props: Record<string, unknown>, _ref) =>
    React.createElement(tagName, attributesOf(props)),
  );
  return Printed;
}

export const OauthButton = wrap('sr-oauth-button', SrOauthButton, {
  ...events,
  onChange: 'change' as EventName,
  onDeleteRequest: event<{ ids: string[] }>('sr-delete-request'),
});

export const CredentialForm = wrap('sr-credential-form', SrCredentialForm, {
  ...events,
  onSubmit: event<{ plugin: string; type: string; name: string }>('sr-submit'),
  onSave: event<{ credential: Credential }>('sr-save'),
  onTest: event<Verdict>('sr-test'),
  onCancel: event<null>('sr-cancel'),
  onDirtyChange: event<{ dirty: boolean }>('sr-dirty-change'),
  onValidate: event<{ valid: boolean; fields: string[] }>('sr-validate'),
});

export const CredentialSelector = wrap('sr-credential-selector', SrCredentialSelector, {
  ...listEvents,
  onChange: 'change' as EventName,
});

export const CredentialList = wrap('sr-credential-list', SrCredentialList, {
  ...listEvents,
  onSelect: event<{ ids: string[] }>('sr-select'),
  onDelete: event<{ ids: string[] }>('sr-delete'),
  onDeleteRequest: event<{ ids: string[] }>('sr-delete-request'),
  onTest: event<Verdict & { id: string }>('sr-test'),
});

type Tag<Element> = React.DetailedHTMLProps<React.HTMLAttributes<Element>, Element> &
  Partial<Omit<Element, keyof HTMLElement>>;

declare module 'react' {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- React's types require it
  namespace JSX {
    interface IntrinsicElements {
      'sr-oauth-button': Tag<SrOauthButton>;
      'sr-credential-form': Tag<SrCredentialForm>;
      'sr-credential-selector': Tag<SrCredentialSelector>;
      'sr-credential-list': Tag<SrCredentialList>;
    }
  }
}
