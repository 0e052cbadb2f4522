
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'fleetctl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'fleetctl'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'fleetctl' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Show one resource, or all resources of a kind')
            [CompletionResult]::new('describe', 'describe', [CompletionResultType]::ParameterValue, 'Show everything about a resource: its fields, who refers to it, and a device''s readings and commands')
            [CompletionResult]::new('apply', 'apply', [CompletionResultType]::ParameterValue, 'Make fleetd''s resources equal to manifests: all of them in one transaction, or nothing')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete resources: all that is named in one transaction, or nothing')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Print resources as manifests that can be applied again: the whole organization, or some kinds')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Follow changes: what there is, then every change as it is committed')
            [CompletionResult]::new('device', 'device', [CompletionResultType]::ParameterValue, 'Claim tokens, commands and logs of devices')
            [CompletionResult]::new('telemetry', 'telemetry', [CompletionResultType]::ParameterValue, 'Readings of devices')
            [CompletionResult]::new('modbus', 'modbus', [CompletionResultType]::ParameterValue, 'Talk to Modbus slaves over the same connections as polling')
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'About fleetd itself')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Show the version of fleetctl')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print the completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Show help for a command, or about `exit-codes`, `errors [CODE]`, `kinds`')
            break
        }
        'fleetctl;get' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only those whose labels match, such as ring=canary or ''zone in (a,b),!old''')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only those whose labels match, such as ring=canary or ''zone in (a,b),!old''')
            [CompletionResult]::new('--ref', '--ref', [CompletionResultType]::ParameterName, 'Only those that refer to this resource, such as site/plant-1')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Only those whose name matches: * any text, ? one character')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many; 0: all')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Every organization')
            [CompletionResult]::new('--all-orgs', '--all-orgs', [CompletionResultType]::ParameterName, 'Every organization')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;describe' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;apply' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'File or directory of manifests (directories with all below them), or - for standard input; repeatable')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'File or directory of manifests (directories with all below them), or - for standard input; repeatable')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Do everything but commit')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;delete' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Delete what these manifests name; - for standard input; repeatable')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Delete what these manifests name; - for standard input; repeatable')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Do everything but commit')
            [CompletionResult]::new('--cascade', '--cascade', [CompletionResultType]::ParameterName, 'Take the contents of an organization along')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;export' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only those whose labels match, such as ring=canary or ''zone in (a,b),!old''')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only those whose labels match, such as ring=canary or ''zone in (a,b),!old''')
            [CompletionResult]::new('--ref', '--ref', [CompletionResultType]::ParameterName, 'Only those that refer to this resource, such as site/plant-1')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Only those whose name matches: * any text, ? one character')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Every organization')
            [CompletionResult]::new('--all-orgs', '--all-orgs', [CompletionResultType]::ParameterName, 'Every organization')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;watch' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only those whose labels match, such as ring=canary or ''zone in (a,b),!old''')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only those whose labels match, such as ring=canary or ''zone in (a,b),!old''')
            [CompletionResult]::new('--ref', '--ref', [CompletionResultType]::ParameterName, 'Only those that refer to this resource, such as site/plant-1')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Only those whose name matches: * any text, ? one character')
            [CompletionResult]::new('--from-revision', '--from-revision', [CompletionResultType]::ParameterName, 'Resume behind this revision instead of showing what there is')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Every organization')
            [CompletionResult]::new('--all-orgs', '--all-orgs', [CompletionResultType]::ParameterName, 'Every organization')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;device' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('claim-token', 'claim-token', [CompletionResultType]::ParameterValue, 'Tokens with which devices provision themselves')
            [CompletionResult]::new('command', 'command', [CompletionResultType]::ParameterValue, 'Commands to a device')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what a device logged, oldest first')
            break
        }
        'fleetctl;device;claim-token' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a token; it is shown here and never again')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show claim tokens, newest first; never the secrets')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End a token')
            break
        }
        'fleetctl;device;claim-token;create' {
            [CompletionResult]::new('--site', '--site', [CompletionResultType]::ParameterName, 'Site that devices are put at')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Only devices of this model')
            [CompletionResult]::new('--serial', '--serial', [CompletionResultType]::ParameterName, 'Only the device with this serial number')
            [CompletionResult]::new('--expires', '--expires', [CompletionResultType]::ParameterName, 'Until when, such as 30m or 7d')
            [CompletionResult]::new('--uses', '--uses', [CompletionResultType]::ParameterName, 'How many devices may use it')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;device;claim-token;list' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;device;claim-token;revoke' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;device;command' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Queue a command; the device gets it with its next heartbeat')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show commands, newest first')
            break
        }
        'fleetctl;device;command;send' {
            [CompletionResult]::new('--params', '--params', [CompletionResultType]::ParameterName, 'Parameters, a JSON object')
            [CompletionResult]::new('--expires', '--expires', [CompletionResultType]::ParameterName, 'How long it is worth delivering')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;device;command;list' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;device;logs' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'From: RFC 3339, epoch milliseconds, or an age such as -1h')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Until, exclusive')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'Least level: debug, info, warning, error')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'The newest so many')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on with new lines')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;telemetry' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('latest', 'latest', [CompletionResultType]::ParameterValue, 'Show the newest reading of each sensor')
            [CompletionResult]::new('query', 'query', [CompletionResultType]::ParameterValue, 'Show the readings of a sensor, or aggregates by interval')
            [CompletionResult]::new('summary', 'summary', [CompletionResultType]::ParameterValue, 'Show figures about the readings of a sensor')
            [CompletionResult]::new('tail', 'tail', [CompletionResultType]::ParameterValue, 'Follow readings as they are committed')
            break
        }
        'fleetctl;telemetry;latest' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Instead of one device: those whose labels match')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Instead of one device: those whose labels match')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Only this source, such as main:1')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;telemetry;query' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'From, inclusive: RFC 3339, epoch milliseconds, or an age such as -1h')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Until, exclusive')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'Width of an interval, such as 5m; without it every reading is shown')
            [CompletionResult]::new('--agg', '--agg', [CompletionResultType]::ParameterName, 'What becomes of an interval''s readings')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Only this source, such as main:1')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many readings; 0: all')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Every reading (the default without --every)')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;telemetry;summary' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'From, inclusive: RFC 3339, epoch milliseconds, or an age such as -1h')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Until, exclusive')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Only this source, such as main:1')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;telemetry;tail' {
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Only this source, such as main:1')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;modbus' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('read', 'read', [CompletionResultType]::ParameterValue, 'Read registers once, without storing them')
            break
        }
        'fleetctl;modbus;read' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Instead of a device: host name or address, with :port (502 unless said)')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'A register of the device''s configuration, read as it says')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Wire address, zero-based; 0x… is hexadecimal')
            [CompletionResult]::new('--function', '--function', [CompletionResultType]::ParameterName, '1 coils, 2 discrete inputs, 3 holding registers, 4 input registers')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Values to read, one after the other')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'How registers are read: uint16, int32, float32, string, …')
            [CompletionResult]::new('--registers', '--registers', [CompletionResultType]::ParameterName, 'Registers of one string or bcd value')
            [CompletionResult]::new('--slave', '--slave', [CompletionResultType]::ParameterName, 'Address of the slave')
            [CompletionResult]::new('--bus', '--bus', [CompletionResultType]::ParameterName, 'Bus of the device''s configuration')
            [CompletionResult]::new('--patience', '--patience', [CompletionResultType]::ParameterName, 'How long the slave may take')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('--little-bytes', '--little-bytes', [CompletionResultType]::ParameterName, 'The least significant byte of a register comes first')
            [CompletionResult]::new('--little-words', '--little-words', [CompletionResultType]::ParameterName, 'The least significant register comes first')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;server' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show version, store, counts, buses')
            break
        }
        'fleetctl;server;status' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;version' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;completion' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fleetctl;help' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Where fleetd is: unix:///path/to/fleetd.sock')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Organization; not needed while there is only one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long an answer may take')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before a destructive act')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
