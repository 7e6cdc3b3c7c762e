# The part of nixpkgs' library that nix/module.nix uses, for a machine without nixpkgs: as lazy, and as strict about unknown
# options, wrong types and conflicting values. `mkForce`, `mkOrder` and `apply` are not here.
let
  inherit (builtins)
    all
    attrNames
    concatLists
    concatMap
    concatStringsSep
    filter
    foldl'
    head
    isAttrs
    isBool
    isFunction
    isList
    isString
    length
    listToAttrs
    map
    mapAttrs
    replaceStrings
    stringLength
    substring
    ;

  ofKind = kind: value: isAttrs value && value._type or null == kind;
  showPath = concatStringsSep ".";
  namesOf = sets: attrNames (foldl' (names: set: names // set) { } sets);

  # An `mkIf` around a set becomes one around each attribute, its condition untouched: it may ask for other options.
  push =
    value:
    if ofKind "if" value then
      map (mapAttrs (_: content: mkIf value.condition content)) (push value.content)
    else if ofKind "merge" value then
      concatMap push value.contents
    else
      [ value ];

  # Only at an option are conditions asked.
  discharge =
    value:
    if ofKind "if" value then
      (if value.condition then discharge value.content else [ ])
    else if ofKind "merge" value then
      concatMap discharge value.contents
    else
      [ value ];

  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOption = option: option // { _type = "option"; };

  mergeOption =
    path: option: values:
    let
      wrong = filter (value: !option.type.check value) values;
    in
    if values == [ ] then
      option.default or (if option.type ? empty then option.type.empty else throw "the option ${showPath path} has no value")
    else if wrong != [ ] then
      throw "the option ${showPath path} is not of type ${option.type.name}"
    else
      option.type.merge path values;

  valuesAt = name: sets: concatMap discharge (concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) sets);
  pushedAt = name: sets: concatMap push (concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) sets);

  mergeTree =
    path: options: definitions:
    let
      unknown = filter (name: !(options ? ${name})) (namesOf definitions);
    in
    if unknown != [ ] then
      throw "the option ${showPath (path ++ [ (head unknown) ])} does not exist"
    else
      mapAttrs (
        name: option:
        if ofKind "option" option then
          # A default has to be of the option's type, too; it gives way to any definition.
          let
            values = valuesAt name definitions;
          in
          mergeOption (path ++ [ name ]) option (if values == [ ] && option ? default then [ option.default ] else values)
        else
          mergeTree (path ++ [ name ]) option (pushedAt name definitions)
      ) options;

  mergeOptions =
    left: right:
    left
    // mapAttrs (
      name: option:
      if !(left ? ${name}) then
        option
      else if ofKind "option" option || ofKind "option" left.${name} then
        throw "the option ${name} is declared twice"
      else
        mergeOptions left.${name} option
    ) right;

  evalModules =
    {
      modules,
      specialArgs ? { },
      path ? [ ],
    }:
    let
      arguments = specialArgs // {
        inherit config options lib;
      };
      load =
        given:
        let
          value = if isFunction given || isAttrs given then given else import given;
          module = if isFunction value then value arguments else value;
          short = !(module ? config || module ? options);
        in
        concatMap load (module.imports or [ ])
        ++ [
          {
            options = module.options or { };
            config = if short then removeAttrs module [ "imports" ] else module.config or { };
          }
        ];
      loaded = concatMap load modules;
      options = foldl' mergeOptions { } (map (module: module.options) loaded);
      config = mergeTree path options (concatMap (module: push module.config) loaded);
    in
    {
      inherit config options;
    };

  same =
    path: values:
    if all (value: value == head values) values then head values else throw "the option ${showPath path} has conflicting values";

  types = rec {
    str = {
      name = "string";
      check = isString;
      merge = same;
    };
    bool = {
      name = "boolean";
      check = isBool;
      merge = same;
    };
    path = {
      name = "path";
      check = value: builtins.isPath value || (isString value && substring 0 1 value == "/");
      merge = same;
    };
    unspecified = {
      name = "anything";
      check = _: true;
      merge = same;
    };
    listOf = type: {
      name = "list of ${type.name}";
      check = isList;
      empty = [ ];
      merge = path: values: map (value: mergeOption path { inherit type; } (discharge value)) (concatLists values);
    };
    attrsOf = type: {
      name = "set of ${type.name}";
      check = isAttrs;
      empty = { };
      merge =
        path: values:
        let
          sets = concatMap push values;
          defined = filter (name: valuesAt name sets != [ ]) (namesOf sets);
        in
        listToAttrs (
          map (name: {
            inherit name;
            value = mergeOption (path ++ [ name ]) { inherit type; } (valuesAt name sets);
          }) defined
        );
    };
    submodule = module: {
      name = "submodule";
      check = value: isAttrs value || isFunction value;
      merge =
        path: values:
        (evalModules {
          modules = [ module ] ++ values;
          specialArgs.name = builtins.elemAt path (length path - 1);
          inherit path;
        }).config;
    };
    either = one: other: {
      name = "${one.name} or ${other.name}";
      check = value: one.check value || other.check value;
      merge = path: values: (if all one.check values then one else other).merge path values;
    };
    addCheck = type: check: type // { check = value: type.check value && check value; };
  };

  lib = rec {
    inherit
      evalModules
      mkIf
      mkMerge
      mkOption
      types
      ;
    inherit (builtins)
      attrValues
      concatLists
      filter
      length
      ;
    mkRenamedOptionModule = _from: _to: { };
    literalExpression = text: { inherit text; };
    optionals = condition: list: if condition then list else [ ];
    mapAttrsToList = each: set: map (name: each name set.${name}) (attrNames set);
    concatMapStringsSep =
      separator: each: list:
      concatStringsSep separator (map each list);
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    escapeShellArg = value: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString value)}'";
    makeBinPath = concatMapStringsSep ":" (package: "${package}/bin");
    strings.escapeNixString = text: replaceStrings [ "$" ] [ "\\$" ] (builtins.toJSON text);
  };
in
lib
