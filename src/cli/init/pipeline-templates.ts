export interface PipelineOptions {
  readonly system: "linux" | "nixos";
  /** Of skep. */
  readonly version: string;
}

/** Plans on pull requests and deploys what is merged, by GitHub Actions. */
export function githubTemplate({ system, version }: PipelineOptions): string {
  const nix = system === "nixos" ? "      - uses: cachix/install-nix-action@v31\n\n" : "";
  return `# Shows on every pull request what it would change on the hosts, and deploys what is merged.
#
# It needs a key of its own: ssh-keygen -t ed25519 -N "" -f skep-ci
# - the private half as the repository's secret SKEP_SSH_KEY; delete the file then
# - the public half in authorized_keys of the hosts, and among the admins in secrets/secrets.ts; then skep secrets rekey
# - the hosts' lines of your known_hosts as the repository's variable SKEP_KNOWN_HOSTS
name: skep

on:
  pull_request:
  push:
    branches: [main, master]

permissions:
  contents: read

# One after another, and none is ended in the middle.
concurrency:
  group: skep-\${{ github.ref }}

jobs:
  skep:
    # A pull request of a fork is given no secrets, and could not log in.
    if: github.event_name == 'push' || github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false

      - uses: actions/setup-node@v4
        with:
          node-version: 22

${nix}      - name: Take the key
        env:
          SSH_KEY: \${{ secrets.SKEP_SSH_KEY }}
          KNOWN_HOSTS: \${{ vars.SKEP_KNOWN_HOSTS }}
        run: |
          umask 077
          mkdir -p ~/.ssh
          printf '%s\\n' "$SSH_KEY" > ~/.ssh/id_ed25519
          printf '%s\\n' "$KNOWN_HOSTS" > ~/.ssh/known_hosts

      - name: Plan
        if: github.event_name == 'pull_request'
        run: npx --yes skep@${version} ci

      - name: Deploy
        if: github.event_name == 'push'
        run: npx --yes skep@${version} ci --deploy
`;
}

/** Plans on merge requests and deploys what is merged, by GitLab. */
export function gitlabTemplate({ system, version }: PipelineOptions): string {
  const nix =
    system === "nixos"
      ? `    - apt-get update -qq && apt-get install -qq --yes nix-bin
    - export NIX_CONFIG="experimental-features = nix-command flakes"
`
      : "";
  return `# Shows on every merge request what it would change on the hosts, and deploys what is merged.
#
# It needs a key of its own: ssh-keygen -t ed25519 -N "" -f skep-ci
# - the private half as the variable SKEP_SSH_KEY of type file; delete the file then
# - the public half in authorized_keys of the hosts, and among the admins in secrets/secrets.ts; then skep secrets rekey
# - the hosts' lines of your known_hosts as the variable SKEP_KNOWN_HOSTS of type file
.skep:
  image: node:22-bookworm
  before_script:
${nix}    - umask 077 && mkdir -p ~/.ssh
    - cp "$SKEP_SSH_KEY" ~/.ssh/id_ed25519
    - cp "$SKEP_KNOWN_HOSTS" ~/.ssh/known_hosts

skep plan:
  extends: .skep
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - npx --yes skep@${version} ci

skep deploy:
  extends: .skep
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  # One after another, and none is ended in the middle.
  resource_group: skep
  interruptible: false
  script:
    - npx --yes skep@${version} ci --deploy
`;
}
