#include "gateway/delivery/outbox_port.h"

#include <algorithm>

#include "gateway/delivery/lane_door.h"
#include "gateway/delivery/outbox_front.h"

namespace tocsin::delivery {

OutboxPort::OutboxPort(event::Loop& loop, OutboxFront& front) : loop_(loop), front_(front) {
  status_ = front_.attach(*this);
}

OutboxPort::~OutboxPort() { loop_.cancel_tick_end(*this); }

bool OutboxPort::reserve(std::size_t appends, std::size_t bytes) {
  return front_.room().reserve(appends, bytes);
}

void OutboxPort::release(std::size_t appends, std::size_t bytes) {
  front_.room().release(appends, bytes);
}

void OutboxPort::submit(Submission& one) {
  loop_.assert_owner();
  one.port_ = this;
  outgoing_.push_back(one);
  loop_.at_tick_end(*this);
}

void OutboxPort::on_tick_end() {
  // A front whose loop has ended answers nobody; the makers still own what they submitted.
  front_.loop().post([this, list = std::move(outgoing_), spare = std::move(spare_)]() mutable {
    if (spare) next_reply_ = std::move(spare);
    front_.receive(list);
  });
}

void OutboxPort::receive(std::unique_ptr<Reply> reply) {
  handle(*reply);
  reply->clear();
  spare_ = std::move(reply);
}

void OutboxPort::handle(Reply& reply) {
  while (Submission* one = reply.answered.pop_front()) one->on_answered();
  for (HandOff& one : reply.handed) {
    LaneEnd& lane = one.door->home_lane();
    lane.take(std::move(one));
  }
  for (ClaimedRows& claim : reply.claimed) {
    for (stage::ClaimedDelivery& row : claim.rows) {
      claim.door->home_lane().take(std::move(row), claim.queue, claim.generation);
    }
  }
  for (const message::NotificationId id : reply.cancelled) {
    for (LaneEnd* lane : lanes_) lane->on_cancelled(id);
  }
  if (reply.status) {
    status_ = *reply.status;
    for (LaneEnd* lane : lanes_) lane->on_store_status(status_);
  }
  if (reply.question) answer(*reply.question);
}

// Behind what the reply handed over, and behind what the lanes have settled by now.
void OutboxPort::answer(const HeldQuestion& question) {
  held_.number = question.number;
  held_.held.clear();
  for (const LaneEnd* lane : lanes_) lane->tell_held(question.ids, held_.held);
  submit(held_);
}

void OutboxPort::remove_lane(LaneEnd& lane) { std::erase(lanes_, &lane); }

}  // namespace tocsin::delivery
