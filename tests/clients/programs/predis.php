<?php
// Predis against a device.

require 'Predis/Autoloader.php';
Predis\Autoloader::register();

$readings = explode(' ', getenv('DEVICE_READINGS'));
$meta = explode(' ', getenv('DEVICE_META'));
$outputs = explode(' ', getenv('DEVICE_OUTPUTS'));
$sampled = getenv('DEVICE_SAMPLED');

function step(string $name): void
{
    echo "step $name\n";
}

function expect(bool $truth, mixed $what): void
{
    if (!$truth) {
        throw new Exception(var_export($what, true));
    }
}

function client(): Predis\Client
{
    return new Predis\Client([
        'host' => getenv('DEVICE_HOST'),
        'port' => (int) getenv('DEVICE_PORT'),
        'timeout' => 30,
        'read_write_timeout' => 30,
    ]);
}

function main(array $readings, array $meta, array $outputs, string $sampled): void
{
    step('connect');
    $client = client();
    $client->connect();
    step('PING');
    expect((string) $client->ping() === 'PONG', 'no PONG');
    step('INFO');
    $info = $client->info();
    expect(isset($info['Server']['redis_version'], $info['Server']['uptime_in_seconds']), array_keys($info));
    step('GET');
    expect(is_numeric($client->get($sampled)), 'no number');
    expect($client->get('no.such.reading') === null, 'a reading that is not there');
    step('MGET');
    foreach ($client->mget($readings) as $at => $value) {
        expect(is_numeric($value), $readings[$at]);
    }
    step('SCAN');
    $found = iterator_to_array(new Predis\Collection\Iterator\Keyspace($client, null, 2), false);
    expect(array_diff($readings, $found) === [], $found);
    step('HGETALL');
    $fields = $client->hgetall("meta:$sampled");
    expect(array_diff($meta, array_keys($fields)) === [], $fields);
    foreach ($outputs as $output) {
        step("SET $output");
        foreach (['1', '0'] as $state) {
            expect((string) $client->set($output, $state) === 'OK', 'not set');
            expect($client->get($output) === $state, "not $state");
        }
    }
    step('pipeline');
    $replies = $client->pipeline(function ($pipe) use ($sampled) {
        for ($number = 0; $number < 50; $number++) {
            $pipe->echo((string) $number);
            $pipe->get($sampled);
        }
    });
    expect(count($replies) === 100 && $replies[98] === '49' && is_numeric($replies[99]), count($replies));
    step('transaction');
    // All of it runs, or the refusal says that nothing did.
    $before = $client->get($outputs[0]);
    try {
        $replies = $client->transaction(function ($queue) use ($outputs) {
            $queue->set($outputs[0], '1');
            $queue->get($outputs[0]);
        });
        expect(count($replies) === 2 && $replies[1] === '1', $replies);
        $client->set($outputs[0], '0');
    } catch (Predis\PredisException $refusal) {
        expect($client->get($outputs[0]) === $before, 'a refused transaction switched the output');
    }
    step('XRANGE');
    $entries = $client->executeRaw(['XRANGE', "history:$sampled", '-', '+', 'COUNT', '3']);
    expect(is_array($entries) && count($entries) >= 1 && is_numeric($entries[0][1][1]), $entries);
    step('SUBSCRIBE');
    $samples = 0;
    $loop = client()->pubSubLoop();
    $loop->subscribe($sampled);
    foreach ($loop as $message) {
        if ($message->kind === 'message') {
            expect($message->channel === $sampled && is_numeric($message->payload), $message);
            if (++$samples === 2) {
                $loop->unsubscribe();
            }
        }
    }
    expect($samples === 2, $samples);
    step('error');
    $error = $client->executeRaw(['NOSUCH', 'a'], $is_error);
    expect($is_error && str_contains($error, "unknown command 'NOSUCH'"), $error);
    expect((string) $client->ping() === 'PONG', 'no PONG after an error');
    step('QUIT');
    $client->quit();
    echo "done\n";
}

try {
    main($readings, $meta, $outputs, $sampled);
} catch (Throwable $problem) {
    fwrite(STDERR, get_class($problem) . ': ' . $problem->getMessage() . "\n");
    exit(1);
}
