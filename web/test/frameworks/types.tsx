// What a TypeScript application may write. It is checked against the declarations of the packed package.
import { finishConnection, forgetSession, type ConnectDetail, type TokenSource } from '@strongroom/elements';
import { CredentialForm, CredentialList, CredentialSelector, OauthButton } from '@strongroom/elements/react';
import { useRef } from 'react';
import type { SrOauthButton } from '@strongroom/elements';

const getSessionToken: TokenSource = async () => 'token';

export function Page() {
  const button = useRef<SrOauthButton>(null);
  const connected = ({ detail }: CustomEvent<ConnectDetail>) => detail.credentialId.length + detail.revision;
  return (
    <>
      <OauthButton
        ref={button}
        endpoint="https://vault.example.com"
        getSessionToken={getSessionToken}
        plugin="mail"
        flow="redirect"
        style={{ maxWidth: '20rem' }}
        className="account"
        aria-label="Mail account"
        data-test="mail"
        onConnect={connected}
      />
      <CredentialSelector
        plugin="weather"
        noCreate
        onChange={(event) => event.target}
        onLoad={({ detail }) => detail.count}
      />
      <CredentialForm plugin="weather" testing="auto" onSave={({ detail }) => detail.credential.id} />
      <CredentialList pageSize={20} onSelect={({ detail }) => detail.ids.length} />
      <sr-credential-list plugin="weather" />
      {/* @ts-expect-error A flow that does not exist. */}
      <OauthButton flow="somehow" />
      {/* @ts-expect-error State is private. */}
      <CredentialList rows={[]} />
    </>
  );
}

export async function leave(): Promise<string | undefined> {
  forgetSession(getSessionToken);
  return (await finishConnection({ getSessionToken }))?.status;
}
