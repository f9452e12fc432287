// The detail of the event `sr-connect`, for the page and for the elements around the button.

export interface ConnectDetail {
  credentialId: string;
  account: string | null;
  scopes: string[];
  revision: number;
  /** The credential existed before and has a new grant. */
  renewed: boolean;
}
