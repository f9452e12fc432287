// For React 19, which sets properties on custom elements and listens to their events by itself: types for the tags, and
// components whose events have names as in React. On a server the tags are printed and nothing else happens.
import {
  createElement,
  useEffect,
  useRef,
  type DetailedHTMLProps,
  type HTMLAttributes,
  type ReactElement,
  type ReactNode,
  type Ref,
} from 'react';
import type { Credential, Verdict } from './api/types.js';
import type { ErrorDetail } from './element.js';
import type { SrCredentialForm } from './sr-credential-form/sr-credential-form.js';
import type { SrCredentialList } from './sr-credential-list/sr-credential-list.js';
import type { SrCredentialSelector } from './sr-credential-selector/sr-credential-selector.js';
import type { ConnectDetail, SrOauthButton } from './sr-oauth-button/sr-oauth-button.js';

type Common =
  | 'endpoint'
  | 'getSessionToken'
  | 'locale'
  | 'theme'
  | 'density'
  | 'appearance'
  | 'messages'
  | 'disabled'
  | 'readonly'
  | 'label'
  | 'helpText'
  | 'plugin';
type Own<Element, Names extends keyof Element> = Partial<Pick<Element, Names>>;
type Handler<Detail> = (event: CustomEvent<Detail>) => void;

interface CommonEvents {
  onError?: Handler<ErrorDetail>;
  onSessionExpired?: Handler<null>;
}

interface ConnectEvents extends CommonEvents {
  onConnectStart?: Handler<{ plugin: string }>;
  onConnect?: Handler<ConnectDetail>;
  onConnectError?: Handler<{ code: string }>;
  onDisconnect?: Handler<{ credentialId: string }>;
}

interface Rest<Element> {
  id?: string;
  className?: string;
  slot?: string;
  children?: ReactNode;
  ref?: Ref<Element>;
}

type Placement = 'flow' | 'returnAddress';

export type OauthButtonProps = Rest<SrOauthButton> &
  ConnectEvents &
  Own<
    SrOauthButton,
    Common | Placement | 'credentialId' | 'credentialName' | 'app' | 'scopes' | 'name' | 'required'
  > & {
    onDeleteRequest?: Handler<{ ids: string[] }>;
  };

export type CredentialFormProps = Rest<SrCredentialForm> &
  ConnectEvents &
  Own<
    SrCredentialForm,
    Common | Placement | 'type' | 'credentialId' | 'testing' | 'submitLabel' | 'hideHeader' | 'noActions' | 'name'
  > & {
    onSubmit?: Handler<{ plugin: string; type: string; name: string }>;
    onSave?: Handler<{ credential: Credential }>;
    onTest?: Handler<Verdict>;
    onCancel?: Handler<null>;
    onDirtyChange?: Handler<{ dirty: boolean }>;
    onValidate?: Handler<{ valid: boolean; fields: string[] }>;
  };

export type CredentialSelectorProps = Rest<SrCredentialSelector> &
  ConnectEvents &
  Own<
    SrCredentialSelector,
    Common | Placement | 'type' | 'value' | 'name' | 'placeholder' | 'required' | 'noCreate' | 'noEdit'
  > & {
    onChange?: (event: Event) => void;
    onLoad?: Handler<{ count: number }>;
    onCreateRequest?: Handler<{ plugin: string }>;
    onEditRequest?: Handler<{ id: string; reconnect: boolean }>;
  };

export type CredentialListProps = Rest<SrCredentialList> &
  ConnectEvents &
  Own<SrCredentialList, Common | Placement | 'type' | 'pageSize' | 'noCreate'> & {
    onLoad?: Handler<{ count: number }>;
    onSelect?: Handler<{ ids: string[] }>;
    onDelete?: Handler<{ ids: string[] }>;
    onTest?: Handler<Verdict & { id: string }>;
    onCreateRequest?: Handler<{ plugin: string }>;
    onEditRequest?: Handler<{ id: string; reconnect: boolean }>;
    onDeleteRequest?: Handler<{ ids: string[] }>;
  };

/** `onDirtyChange` listens to `sr-dirty-change`; `onChange` to the native event. */
function eventOf(name: string): string {
  const kebab = name
    .slice(2)
    .replace(/(?!^)[A-Z]/g, '-$&')
    .toLowerCase();
  return kebab === 'change' ? kebab : `sr-${kebab}`;
}

const isHandler = ([name, value]: [string, unknown]): boolean => /^on[A-Z]/.test(name) && typeof value === 'function';

function wrap<Props extends { ref?: unknown }>(tag: string): (props: Props) => ReactElement {
  return function Wrapped({ ref, ...props }: Props) {
    const own = useRef<HTMLElement | null>(null);
    const entries = Object.entries(props);
    useEffect(() => {
      const element = own.current;
      if (!element) return undefined;
      const handlers = entries.filter(isHandler) as [string, EventListener][];
      for (const [name, handler] of handlers) element.addEventListener(eventOf(name), handler);
      return () => handlers.forEach(([name, handler]) => element.removeEventListener(eventOf(name), handler));
    });
    const keep = (element: HTMLElement | null): void => {
      own.current = element;
      const outer = ref as Ref<HTMLElement> | undefined;
      if (typeof outer === 'function') outer(element);
      else if (outer) outer.current = element;
    };
    return createElement(tag, { ...Object.fromEntries(entries.filter((entry) => !isHandler(entry))), ref: keep });
  };
}

export const OauthButton = wrap<OauthButtonProps>('sr-oauth-button');
export const CredentialForm = wrap<CredentialFormProps>('sr-credential-form');
export const CredentialSelector = wrap<CredentialSelectorProps>('sr-credential-selector');
export const CredentialList = wrap<CredentialListProps>('sr-credential-list');

type Tag<Element> = DetailedHTMLProps<HTMLAttributes<Element>, Element> & Partial<Omit<Element, keyof HTMLElement>>;

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'sr-oauth-button': Tag<SrOauthButton>;
      'sr-credential-form': Tag<SrCredentialForm>;
      'sr-credential-selector': Tag<SrCredentialSelector>;
      'sr-credential-list': Tag<SrCredentialList>;
    }
  }
}
